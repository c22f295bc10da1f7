"""Every enum of the field. Values are stable: they are stored, sent to clients and printed in exports."""

from __future__ import annotations

from enum import StrEnum


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Mode(StrEnum):
    """How an outbound call is set up (SPEC §B2.1)."""

    DIRECT = "direct"
    """直拨: the agent's own phone rings first, then the customer's."""
    CALLBACK = "callback"
    """回拨: the agent's bound outside phone rings first."""
    POINT = "point"
    """点拨: the agent's line stays open between calls."""
    CALL_THROUGH = "call_through"
    """呼转: the agent calls an access number and is connected."""


class Source(StrEnum):
    """Where a call was started (SPEC §B1.4)."""

    CUSTOMER = "customer"
    TASK = "task"
    MANUAL = "manual"
    INBOUND = "inbound"


class Role(StrEnum):
    """The part a leg plays in its call."""

    AGENT = "agent"
    CUSTOMER = "customer"
    THIRD = "third"
    """Whoever the agent consulted, conferenced in or passed the customer on to."""
    SUPERVISOR = "supervisor"
    """Somebody who listens, whispers or barges; never keeps a call alive."""


class LegState(StrEnum):
    """CSTA connection states."""

    INITIATED = "initiated"
    QUEUED = "queued"
    ALERTING = "alerting"
    CONNECTED = "connected"
    HELD = "held"
    FAILED = "failed"
    NULL = "null"


class CallState(StrEnum):
    """What a person would say the call is doing; derived from its legs."""

    DIALING_AGENT = "dialing_agent"
    DIALING_CUSTOMER = "dialing_customer"
    QUEUED = "queued"
    RINGING_AGENT = "ringing_agent"
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"


class CallMove(StrEnum):
    """What an agent may do with a talking call beside dialling and hanging up."""

    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    """End the consultation: back to the customer."""
    COMPLETE = "complete"
    """Attended transfer: customer and third party talk, the agent is out."""
    SWAP = "swap"
    CONFERENCE = "conference"


class SupervisorMode(StrEnum):
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"
    TAKE_OVER = "take_over"


class AgentState(StrEnum):
    """CSTA agent states."""

    LOGGED_OUT = "logged_out"
    READY = "ready"
    NOT_READY = "not_ready"
    BUSY = "busy"
    WORKING_AFTER_CALL = "working_after_call"


class Device(StrEnum):
    """The phone on which an agent's calls ring."""

    BROWSER = "browser"
    SIP = "sip"


class Disposition(StrEnum):
    """The outcome of a call as in Asterisk's CDR."""

    ANSWERED = "ANSWERED"
    NO_ANSWER = "NO ANSWER"
    BUSY = "BUSY"
    FAILED = "FAILED"
    CONGESTION = "CONGESTION"


class EndReason(StrEnum):
    """Why a call is over; one place for every wording in the product."""

    CUSTOMER_HUNG_UP = "customer_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    AGENT_NO_ANSWER = "agent_no_answer"
    AGENT_BUSY = "agent_busy"
    AGENT_UNREACHABLE = "agent_unreachable"
    CUSTOMER_NO_ANSWER = "customer_no_answer"
    CUSTOMER_BUSY = "customer_busy"
    CUSTOMER_REJECTED = "customer_rejected"
    NUMBER_INVALID = "number_invalid"
    NETWORK_FAILED = "network_failed"
    MINUTES_USED_UP = "minutes_used_up"
    QUEUE_TIMEOUT = "queue_timeout"
    ABANDONED = "abandoned"
    LOST = "lost"
    """Nobody saw the end; the call was closed by the last evidence."""


class Gate(StrEnum):
    """Reason codes with which a dial is refused (SPEC §B3); each is one independent gate."""

    NOT_AN_AGENT = "not_an_agent"
    NOT_LOGGED_IN = "not_logged_in"
    ACCOUNT_INACTIVE = "account_inactive"
    PHONE_NOT_REGISTERED = "phone_not_registered"
    PHONES_UNAVAILABLE = "phones_unavailable"
    ALREADY_DIALLING = "already_dialling"
    NUMBER_INVALID = "number_invalid"
    BLACKLISTED = "blacklisted"
    OUTSIDE_DIAL_WINDOW = "outside_dial_window"
    NO_PACKAGE = "no_package"
    MINUTES_USED_UP = "minutes_used_up"


class Scope(StrEnum):
    """The five data scopes, from narrow to wide (SPEC §A1, §A2.10)."""

    SELF = "self"
    SUBORDINATES = "subordinates"
    DEPARTMENT = "department"
    DEPARTMENT_TREE = "department_tree"
    COMPANY = "company"
