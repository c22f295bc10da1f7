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


class LegOrder(StrEnum):
    """Who is rung first in an outbound call of two legs."""

    AGENT_FIRST = "agent_first"
    CUSTOMER_FIRST = "customer_first"


class AccessEnd(StrEnum):
    """What becomes of the running call of somebody whose access ends."""

    AT_ONCE = "at_once"
    """The employee's leg is hung up."""
    AFTER_CALL = "after_call"
    """The call is finished; the phones end with it."""


class CallerIdPolicy(StrEnum):
    """Which of a company's numbers a called party sees."""

    BOUND = "bound"
    """The number bound to the agent's seat; without one the seat cannot dial (SPEC §B8.2, §B8.7)."""
    SAME_REGION = "same_region"
    """One from the region of the called number."""
    ROTATION = "rotation"
    """The one that was shown longest ago."""


class NumberKind(StrEnum):
    """What an outside number of the company is for (SPEC §B2.2, §B2.3)."""

    TELECOM = "telecom"
    """电信号: shown in callback mode."""
    DIRECT = "direct"
    """直拨号: shown in direct mode."""


class QueueStrategy(StrEnum):
    """In which order waiting calls ring at the free agents of a group."""

    RING_ALL = "ring_all"
    LONGEST_IDLE = "longest_idle"
    ROUND_ROBIN = "round_robin"
    FEWEST_CALLS = "fewest_calls"


class Overflow(StrEnum):
    """What happens to a caller whom the group cannot take: it is full, or the wait was too long."""

    HANG_UP = "hang_up"
    VOICEMAIL = "voicemail"
    GROUP = "group"
    NUMBER = "number"


class Sticky(StrEnum):
    """Whose phone a known customer's call rings before the queue."""

    NONE = "none"
    OWNER = "owner"
    LAST_AGENT = "last_agent"


class CallbackState(StrEnum):
    """Where a request to be called back stands."""

    WAITING = "waiting"
    DIALLING = "dialling"
    DONE = "done"
    FAILED = "failed"
    """Not reached after the last attempt, or the number cannot be called."""
    CANCELLED = "cancelled"


class PromptKind(StrEnum):
    """What a company's own announcement is played for."""

    GREETING = "greeting"
    """Before the music, when a call is taken into the line."""
    COMFORT = "comfort"
    """Now and then while waiting."""
    CALLBACK_OFFER = "callback_offer"
    """Says that key 1 asks to be called back."""
    CALLBACK_TAKEN = "callback_taken"
    CLOSED = "closed"
    VOICEMAIL = "voicemail"
    """Before the beep."""


class Source(StrEnum):
    """Where a call was started (SPEC §B1.4)."""

    CUSTOMER = "customer"
    TASK = "task"
    MANUAL = "manual"
    INBOUND = "inbound"
    QUEUE_CALLBACK = "queue_callback"
    """A caller who did not want to wait asked to be called back."""


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


class LineState(StrEnum):
    """An agent's nailed-up line (点拨): the phone stays connected between calls."""

    CLOSED = "closed"
    OPENING = "opening"
    """The agent's phone is being rung."""
    OPEN = "open"


class AgentState(StrEnum):
    """CSTA agent states."""

    LOGGED_OUT = "logged_out"
    READY = "ready"
    NOT_READY = "not_ready"
    BUSY = "busy"
    WORKING_AFTER_CALL = "working_after_call"


class PackageKind(StrEnum):
    """Who uses the minutes of a package (SPEC §C2.2-C2.4)."""

    NON_SHARED = "non_shared"
    """不共享语音包: one employee's, who is chosen after the purchase."""
    SHARED = "shared"
    """共享语音包: one pool of minutes for as many employees as packages were bought."""
    FIXED = "fixed"
    """固定语音包: one employee's, who is chosen before the purchase."""
    TOP_UP = "top_up"
    """加油包: more minutes for one employee, ending with the package they were bought for."""


class Offer(StrEnum):
    """On what terms an offering is sold (SPEC §C5)."""

    REGULAR = "regular"
    """常规: no limit."""
    LIMITED = "limited"
    """限时特惠: within its time each employee has the offer price a few times, then the list price."""
    TRIAL = "trial"
    """体验: once for each company."""


class OrderAction(StrEnum):
    """What an order does (SPEC §C4)."""

    NEW = "new"
    RENEW = "renew"
    """续购: the next period in advance."""
    ADD = "add"
    """加购: more places of a shared package, more packages of another kind."""
    TOP_UP = "top_up"
    """加油包: more minutes for employees of a package, ending with it."""


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
    VOICEMAIL = "voicemail"
    """The caller left a message."""
    CALLBACK_ASKED = "callback_asked"
    CLOSED = "closed"
    """Outside the business hours of the number that was called."""
    QUEUE_FULL = "queue_full"
    THIRD_HUNG_UP = "third_hung_up"
    """Whoever the customer was passed on to hung up."""
    AGENT_LOST = "agent_lost"
    """The agent's phone vanished in the middle of the call and did not come back."""
    SUPERVISOR_HUNG_UP = "supervisor_hung_up"
    NOT_CALLED_THROUGH = "not_called_through"
    """The agent did not call the access number in time."""
    LOST = "lost"
    """Nobody saw the end; the call was closed by the last evidence."""


class Gate(StrEnum):
    """Reason codes with which a dial is refused (SPEC §B3); each is one independent gate."""

    NOT_AN_AGENT = "not_an_agent"
    NOT_LOGGED_IN = "not_logged_in"
    ACCOUNT_INACTIVE = "account_inactive"
    COMPANY_EXPIRED = "company_expired"
    """The time for which the platform opened the company is over."""
    COMPANY_UNVERIFIED = "company_unverified"
    """The company was not verified by the platform (SPEC §B3.2)."""
    SCRIPT_NOT_APPROVED = "script_not_approved"
    """What the company says on the phone was not filed, or not approved (SPEC §B3.4)."""
    DIALLING_SUSPENDED = "dialling_suspended"
    """The platform has stopped the company's dialling (SPEC §B3.5)."""
    NOT_VERIFIED = "not_verified"
    """The employee's real name was not checked, or has to be checked again (SPEC §A4.3, §B3.3)."""
    BALANCE_NEGATIVE = "balance_negative"
    """The company owes money (SPEC §C11.3)."""
    NO_SEAT = "no_seat"
    NO_BOUND_NUMBER = "no_bound_number"
    NO_BOUND_PHONE = "no_bound_phone"
    LINE_NOT_OPEN = "line_not_open"
    CALL_THROUGH_OFF = "call_through_off"
    PHONE_NOT_REGISTERED = "phone_not_registered"
    PHONES_UNAVAILABLE = "phones_unavailable"
    ALREADY_DIALLING = "already_dialling"
    NUMBER_INVALID = "number_invalid"
    BLACKLISTED = "blacklisted"
    DESTINATION_CLOSED = "destination_closed"
    """Another country, a dear number or a satellite network that the company's policy does not open."""
    EMERGENCY_BY_HAND = "emergency_by_hand"
    """Emergency numbers are dialled by a person, never by tasks, imports, callbacks or forwarding."""
    OWN_NUMBER_BY_HAND = "own_number_by_hand"
    """The numbers on which the company is called too: called back, or overflowing to itself, a call goes round."""
    DAY_LIMIT_REACHED = "day_limit_reached"
    NUMBER_LIMIT_REACHED = "number_limit_reached"
    OUTSIDE_DIAL_WINDOW = "outside_dial_window"
    NO_PACKAGE = "no_package"
    MINUTES_USED_UP = "minutes_used_up"


class TaskState(StrEnum):
    """Where a dial task stands (SPEC §D1.4)."""

    NORMAL = "normal"
    """The only state in which numbers may be imported."""
    IN_PROGRESS = "in_progress"
    FINISHED = "finished"


class TaskClaim(StrEnum):
    """How the numbers of a dial task reach employees (SPEC §D3)."""

    SELF = "self"
    """主动领取: whoever comes first takes some."""
    ASSIGNED = "assigned"
    """指派分配: by the task's rule as each file arrives."""


class TaskRule(StrEnum):
    """How an assigned task divides the numbers of a file (SPEC §D3.2)."""

    AVERAGE_ALL = "average_all"
    AVERAGE_CHOSEN = "average_chosen"
    CUSTOM = "custom"
    """A percentage for each chosen employee."""


class RowKind(StrEnum):
    """What became of one row of an imported file (SPEC §D4.2, §E24.1)."""

    SUCCESS = "success"
    DUPLICATE_SYSTEM = "duplicate_system"
    """The number is in a task of the company already."""
    DUPLICATE_FILE = "duplicate_file"
    BLACKLIST = "blacklist"
    """The number is on the company's blacklist (SPEC T-31)."""
    FORMAT_ERROR = "format_error"
    """The row cannot be imported as it is; its reason says why."""


class Scope(StrEnum):
    """The five data scopes, from narrow to wide (SPEC §A1, §A2.10)."""

    SELF = "self"
    SUBORDINATES = "subordinates"
    DEPARTMENT = "department"
    DEPARTMENT_TREE = "department_tree"
    COMPANY = "company"
