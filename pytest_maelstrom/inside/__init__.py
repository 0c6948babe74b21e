"""What runs inside containers, beside the user's pytest: Python 3.9+, standard library and pytest."""
