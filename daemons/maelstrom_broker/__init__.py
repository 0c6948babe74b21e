"""The broker: takes jobs from clients, gives them to workers, and tells how they ended."""
