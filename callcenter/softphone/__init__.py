"""The browser phone's way to Asterisk: short-lived credentials and a bridge for its SIP frames."""
