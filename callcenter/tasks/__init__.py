"""Dial tasks in the database: tasks, their numbers, files of numbers, and what became of both (SPEC §D)."""
