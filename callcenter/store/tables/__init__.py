"""The tables that the engine or the ledger read, a file for each topic; what else has a table keeps it in its own room.

Rows that a company owns carry `company_id`; the guard refuses queries that forget it.
"""
