"""What an installation for production needs besides the program: its lock and its service."""
