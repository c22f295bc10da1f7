"""An asyncio call centre over Asterisk: calls, metering, recordings and a compact CRM."""

__version__ = "0.1.0"
