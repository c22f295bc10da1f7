"""The room in which files from people are opened: never by the product itself, always by a child with limits.

`room.py` is the product's side: it starts a child for one file, waits for it as long as is allowed, and reads what it
left. `child.py` is where the child begins: it limits itself before it looks at the file. Whatever the file does to the
child (memory, time, a crash) is an error for that upload alone.
"""
