"""A worker of a cluster: runs what a broker gives it, with the very engine of a machine alone."""
