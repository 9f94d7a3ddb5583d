"""The SCIM protocol as data and pure functions (:rfc:`7643`, :rfc:`7644`)."""
