"""The classes of problems as versions of data: files in, what a class says, its limits."""
