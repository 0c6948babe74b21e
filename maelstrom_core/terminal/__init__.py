"""The user's terminal, attached to that of a job."""
