"""What has happened, in the host's database: events, requests, and what waits to be carried out."""
