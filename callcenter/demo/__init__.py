"""The product with a simulated phone network: for newcomers (`interactive`) and as a check of everything (`once`)."""
