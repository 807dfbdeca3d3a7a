"""`multihead schedule`: runs that begin by the clock, in a service of its own or in one that is there."""
