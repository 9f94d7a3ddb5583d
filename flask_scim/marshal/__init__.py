"""Messages taken apart by marshmallow, with schemas that are generated from the definitions."""
