"""Profiles: where stages compute and what they get there. A file each is shipped; users write their own."""
