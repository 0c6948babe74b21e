"""What brokers, workers and clients say to each other: values, and their bytes. No sockets. Pure."""
