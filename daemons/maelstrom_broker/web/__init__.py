"""The broker's page and metrics; loaded only where the setting ``web`` says so."""
