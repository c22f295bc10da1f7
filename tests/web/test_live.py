"""Live push: what a client holds is always what the server would tell it, however often it was away."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.demo.client import Live
from callcenter.domain import events as ev
from callcenter.domain.calls import Call
from callcenter.domain.commands import ChooseState
from callcenter.domain.terms import AgentState, CallState, Direction, Scope
from callcenter.domain.today import COUNTED, summed
from callcenter.store.base import utcnow
from callcenter.web import live as live_module
from callcenter.web.identity import Identity
from callcenter.web.live import HISTORY, QUEUE_LIMIT, Client, LiveHub
from callcenter.web.permissions import ADMIN, AGENT, SUPERVISOR, BuiltinRole
from tests.web.support import Browser, Site

COMPANY = 1
Message = dict[str, Any]


def identity(
    employee_id: int, role: BuiltinRole, visible: set[int] | None = None, company_id: int = COMPANY
) -> Identity:
    seen = None if role.scope is Scope.COMPANY else frozenset(visible or set()) | {employee_id}
    return Identity(
        employee_id=employee_id,
        company_id=company_id,
        login=f"p{employee_id}",
        name=f"p{employee_id}",
        role=role.code,
        role_name_zh="",
        role_name_en="",
        permissions=frozenset(role.permissions),
        scope=role.scope,
        department_id=None,
        visible=seen,
    )


class Screen:
    """What a browser does with live messages, and what the server would show the same person now."""

    def __init__(self, hub: LiveHub, who: Identity) -> None:
        self.hub, self.who = hub, who
        self.client: Client | None = None
        self.shown = Live()
        self.epoch, self.seq = "", 0
        self.got: list[Message] = []

    def connect(self, *, resume: bool = True) -> list[Message]:
        self.client = Client(self.who)
        self.hub.join(self.client, (self.epoch, self.seq) if resume and self.epoch else None)
        return self.read()

    def disconnect(self) -> None:
        """What was queued and not read is lost, as on a broken line."""
        assert self.client is not None
        self.hub.leave(self.client)
        self.client = None

    def read(self) -> list[Message]:
        assert self.client is not None
        if self.client.behind:
            self.hub.reset(self.client)
        fresh = [json.loads(one) for one in self.client.queue]
        self.client.queue.clear()
        for message in fresh:
            if message["type"] == "snapshot":
                self.epoch = message["epoch"]
            if message["type"] in ("delta", "event"):
                assert message["seq"] > self.seq, "numbers only grow"
            self.seq = message.get("seq", self.seq)
            self.shown.absorb(message)
        self.got += fresh
        return fresh

    def truth(self) -> Mapping[str, Any]:
        """A snapshot for somebody who connects at this moment."""
        other = Client(self.who)
        self.hub.join(other, None)
        self.hub.leave(other)
        found: Mapping[str, Any] = json.loads(other.queue[-1])["entities"]
        return found

    def agrees(self) -> None:
        shown = {kind: items for kind, items in self.shown.entities.items() if items}
        assert shown == {kind: items for kind, items in self.truth().items() if items}


class Server:
    """A hub with the state that the engine would have."""

    def __init__(self) -> None:
        self.hub = LiveHub()
        self.state: dict[str, dict[str, dict[str, Any]]] = {
            "agent": {},
            "call": {},
            "system": {"phones": {"phones": "live"}},
        }
        self.hub.snapshot = lambda company_id: self.state if company_id == COMPANY else {}

    def put(self, kind: str, key: str, **value: Any) -> None:
        self.state[kind][key] = value
        self.hub.publish(COMPANY, [(kind, key, value)])

    def call(self, key: str, employee: int | None = None, ringing: tuple[int, ...] = (), **more: Any) -> None:
        value = {"employee": {"id": employee, "name": "x"} if employee else None, "ringing": list(ringing), **more}
        self.put("call", key, **value)

    def gone(self, key: str) -> None:
        self.state["call"].pop(key, None)
        self.hub.publish(COMPANY, gone=[("call", key)])

    def screen(self, employee_id: int, role: BuiltinRole, visible: set[int] | None = None) -> Screen:
        return Screen(self.hub, identity(employee_id, role, visible))


# -- snapshot, deltas, resume ------------------------------------------------------------------------------------------


def test_snapshot_then_numbered_deltas() -> None:
    server = Server()
    server.call("a", 1)
    boss = server.screen(9, ADMIN)
    (first,) = boss.connect()
    assert first["type"] == "snapshot" and first["entities"]["call"].keys() == {"a"} and first["now"]
    server.call("b", 2)
    server.gone("a")
    one, two = boss.read()
    assert (one["type"], one["seq"], two["seq"]) == ("delta", first["seq"] + 1, first["seq"] + 2)
    assert one["set"][0][:2] == ["call", "b"] and two["del"] == [["call", "a"]]
    boss.agrees()


def test_a_resume_replays_exactly_what_was_missed() -> None:
    server = Server()
    boss, steady = server.screen(9, ADMIN), server.screen(9, ADMIN)
    boss.connect()
    steady.connect()
    server.call("a", 1)
    boss.read()
    steady.read()
    boss.disconnect()
    server.call("b", 2)
    server.call("a", 1, note="changed")
    server.gone("b")
    server.hub.event(COMPANY, "pop", {"call_id": "a"}, 9)
    first, *missed = boss.connect()
    assert first["type"] == "resumed"
    without_clock = [{key: value for key, value in one.items() if key != "now"} for one in missed]
    seen = [{key: value for key, value in one.items() if key != "now"} for one in steady.read()]
    assert without_clock == seen and len(seen) == 4
    boss.agrees()
    boss.disconnect()
    assert [one["type"] for one in boss.connect()] == ["resumed"], "nothing was missed, nothing is replayed"


def test_what_is_too_old_gets_a_snapshot() -> None:
    server = Server()
    boss = server.screen(9, ADMIN)
    boss.connect()
    boss.disconnect()
    for index in range(HISTORY):
        server.call("a", 1, index=index)
    assert boss.connect()[0]["type"] == "resumed", "the oldest entry kept is the first one missed"
    boss.disconnect()
    for index in range(HISTORY + 1):
        server.call("a", 1, index=index)
    assert [one["type"] for one in boss.connect()] == ["snapshot"]
    boss.agrees()


@pytest.mark.parametrize("resume", [("another-process", 1), ("", 0), ("own", 10**18), ("own", -5)])
def test_numbers_that_mean_nothing_get_a_snapshot(resume: tuple[str, int]) -> None:
    server = Server()
    server.call("a", 1)
    client = Client(identity(9, ADMIN))
    epoch = server.hub.epoch_of(client) if resume[0] == "own" else resume[0]
    server.hub.join(client, (epoch, resume[1]))
    assert json.loads(client.queue[0])["type"] == "snapshot" and len(client.queue) == 1


def test_another_process_has_another_epoch() -> None:
    assert LiveHub().epoch != LiveHub().epoch


def test_a_resume_under_other_rights_gets_a_snapshot() -> None:
    """Who became an agent must not keep the whole company on the screen, nor the next person at the same browser."""
    server = Server()
    server.call("a", 1)
    server.call("b", 2)
    screen = server.screen(2, SUPERVISOR, {1})
    screen.connect()
    assert screen.shown.entities["call"].keys() == {"a", "b"}
    screen.disconnect()
    for who in (identity(2, AGENT), identity(2, SUPERVISOR, {3}), identity(3, AGENT), identity(2, SUPERVISOR, {1, 3})):
        screen.who = who
        assert screen.connect()[0]["type"] == "snapshot"
        screen.agrees()
        screen.disconnect()


# -- who sees what -----------------------------------------------------------------------------------------------------


def test_figures_are_kept_once_and_who_resumes_is_told_the_newest() -> None:
    """They come twice a second with a part for every employee: a history of them would fill the memory."""
    server = Server()
    boss, head = server.screen(9, ADMIN), server.screen(8, SUPERVISOR, {1})

    def count(calls: int) -> None:
        part = dict.fromkeys(COUNTED, 0) | {"calls": calls}
        figures = {"date": "2026-01-05", "all": summed([part] * 2), "parts": {"1": part, "2": part}}
        server.hub.publish(COMPANY, [("stats", "today", figures)])

    count(1)
    for screen in (boss, head):
        screen.connect()
        screen.disconnect()
    for calls in range(2, 12):
        count(calls)
    assert not any(value for entry in server.hub.stream(COMPANY).history for _, _, value in entry.changed)
    for screen, calls in ((boss, 22), (head, 11)):
        screen.connect()
        assert screen.got[-1]["type"] == "delta", "it resumes"
        assert screen.shown.entities["stats"]["today"]["calls"] == calls
        screen.agrees()


def test_an_agent_never_hears_of_anothers_call() -> None:
    server = Server()
    server.call("early", 2)
    agent = server.screen(1, AGENT)
    agent.connect()
    for away in (False, True):
        if away:
            agent.disconnect()
        key = f"secret-{away}"
        server.call(key, 2)
        server.call(key, 2, ringing=(3,))
        server.put("agent", "2", name="secret")
        server.hub.publish(COMPANY, [("stats", "today", {"secret": 1})])
        server.gone(key)
        server.gone("early")
        for employee_id in (2, None):
            server.hub.event(COMPANY, "pop", {"call_id": key}, employee_id)
            server.hub.event(COMPANY, "call_settled", {"call_id": key}, employee_id)
        if away:
            agent.connect()
        agent.read()
        assert "secret" not in json.dumps(agent.got) and "early" not in json.dumps(agent.got)
    agent.agrees()


def test_events_of_nobody_go_to_those_who_watch_the_company() -> None:
    server = Server()
    screens = {
        "admin": server.screen(9, ADMIN),
        "supervisor": server.screen(8, SUPERVISOR, {1}),
        "agent": server.screen(1, AGENT),
    }
    for one in screens.values():
        one.connect()
    server.hub.event(COMPANY, "call_settled", {"call_id": "missed"}, None)
    assert {name: len(one.read()) for name, one in screens.items()} == {"admin": 1, "supervisor": 0, "agent": 0}
    server.hub.event(COMPANY, "pop", {"call_id": "mine"}, 1)
    assert {name: len(one.read()) for name, one in screens.items()} == {"admin": 0, "supervisor": 0, "agent": 1}
    for employee_id, told in (
        (1, {"admin": 1, "supervisor": 1, "agent": 1}),
        (2, {"admin": 1, "supervisor": 0, "agent": 0}),
    ):
        server.hub.event(COMPANY, "agent_unanswered", {"calls": 3}, employee_id, watched=True)
        assert {name: len(one.read()) for name, one in screens.items()} == told


def test_a_supervisor_sees_the_scope_and_another_company_sees_nothing() -> None:
    server = Server()
    boss = server.screen(8, SUPERVISOR, {1})
    boss.connect()
    stranger = Screen(server.hub, identity(77, ADMIN, company_id=2))
    stranger.connect()
    server.call("inside", 1)
    server.call("outside", 2)
    server.call("rings-inside", None, ringing=(2, 1))
    server.call("waits", None)
    server.put("agent", "1", name="in")
    server.put("agent", "2", name="out")
    boss.read()
    assert boss.shown.entities["call"].keys() == {"inside", "rings-inside"}
    assert boss.shown.entities["agent"].keys() == {"1"}
    assert stranger.read() == []
    boss.agrees()


def test_a_call_that_rang_here_and_was_taken_there_leaves_the_screen() -> None:
    server = Server()
    for away in (False, True):
        agent = server.screen(1, AGENT)
        agent.connect()
        server.call("queue", None, ringing=(1, 2))
        agent.read()
        assert "queue" in agent.shown.entities["call"]
        if away:
            agent.disconnect()
        server.call("queue", 2)
        if away:
            agent.connect()
        agent.read()
        assert "queue" not in agent.shown.entities.get("call", {}), f"away={away}"
        agent.agrees()
        server.gone("queue")
        agent.read()
        agent.agrees()


# -- slow readers ------------------------------------------------------------------------------------------------------


def test_a_slow_reader_loses_its_queue_and_nobody_else_notices() -> None:
    server = Server()
    slow, quick = server.screen(9, ADMIN), server.screen(9, ADMIN)
    slow.connect()
    quick.connect()
    for index in range(3 * QUEUE_LIMIT):
        server.call(f"c{index % 7}", 1, index=index)
        assert slow.client is not None and len(slow.client.queue) <= QUEUE_LIMIT
        assert len(quick.read()) == 1
    assert [one["type"] for one in slow.read()] == ["snapshot"]
    slow.agrees()
    quick.agrees()
    server.call("after", 1)
    assert [one["type"] for one in slow.read()] == ["delta"]
    slow.agrees()


def test_a_revoked_client_is_sent_nothing_more_even_if_it_was_slow() -> None:
    server = Server()
    slow = server.screen(9, ADMIN)
    slow.connect()
    server.hub.drop(COMPANY, 9)
    for index in range(2 * QUEUE_LIMIT):
        server.call("a", 1, index=index)
    assert slow.client is not None and not slow.client.queue and not slow.client.behind
    server.hub.reset(slow.client)
    assert not slow.client.queue


# -- no drift ----------------------------------------------------------------------------------------------------------

PEOPLE = (1, 2, 3)
Step = tuple[str, int, int, int]


def play(server: Server, screens: list[Screen], steps: list[Step]) -> None:
    """Random life: calls come, ring, move and go; connections break and come back."""
    for index, (what, which, first, second) in enumerate(steps):
        screen = screens[which % len(screens)]
        if what == "break":
            screen.connect() if screen.client is None else screen.disconnect()
        elif what == "read" and screen.client is not None:
            screen.read()
        else:
            happen(server, what, which, first, second, index)
    for screen in screens:
        if screen.client is None:
            screen.connect()
        screen.read()
        screen.agrees()


def happen(server: Server, what: str, which: int, first: int, second: int, index: int) -> None:
    key = f"c{which}"
    match what:
        case "set":
            server.call(key, first or None, ringing=(second,) if second else (), index=index)
        case "gone" if key in server.state["call"]:
            server.gone(key)
        case "agent":
            server.put("agent", str(first or 1), state=which)
        case "event":
            server.hub.event(COMPANY, "note_saved", {}, first or None)
        case "batch":
            value = {"employee": {"id": first or 1}, "ringing": [], "index": index}
            dead = [one for one in list(server.state["call"])[:2] if one != key]
            server.state["call"][key] = value
            for one in dead:
                del server.state["call"][one]
            server.hub.publish(COMPANY, [("call", key, value)], [("call", one) for one in dead])


def everybody(server: Server) -> list[Screen]:
    screens = [
        server.screen(9, ADMIN),
        server.screen(8, SUPERVISOR, {1, 2}),
        server.screen(1, AGENT),
        server.screen(2, AGENT),
    ]
    for one in screens:
        one.connect()
    return screens


NUMBER = st.integers(0, 3)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["set", "set", "gone", "agent", "event", "batch", "break", "read"]), NUMBER, NUMBER, NUMBER
        ),
        max_size=60,
    )
)
def test_whatever_happens_every_screen_agrees_with_the_server(steps: list[Step]) -> None:
    server = Server()
    play(server, everybody(server), steps)


def test_a_short_history_changes_nothing_but_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumes that history does not cover fall back to snapshots in the middle of the random life."""
    monkeypatch.setattr(live_module, "QUEUE_LIMIT", 5)
    dice = random.Random(7)
    for _ in range(30):
        server = Server()
        server.hub.stream(COMPANY).history = type(server.hub.stream(COMPANY).history)(maxlen=6)
        steps = [
            (dice.choice(["set", "gone", "agent", "batch", "break", "read"]), *(dice.randrange(4) for _ in range(3)))
            for _ in range(120)
        ]
        play(server, everybody(server), steps)  # type: ignore[arg-type]


# -- over real sockets -------------------------------------------------------------------------------------------------


class Tab:
    """A browser tab with a real connection that may be cut at any moment."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site, self.browser = site, browser
        self.live = Live()
        self.epoch, self.seq = "", 0
        self.kinds: list[str] = []
        self.socket: ClientWebSocketResponse | None = None

    async def connect(self) -> None:
        self.socket = await self.browser.http.ws_connect(self.site.url + "/live")
        resume = {"epoch": self.epoch, "seq": self.seq} if self.epoch else None
        await self.socket.send_json({"type": "hello", "resume": resume})
        await self.read_one()

    async def read_one(self, timeout: float = 5) -> Message:
        assert self.socket is not None
        message: Message = await self.socket.receive_json(timeout=timeout)
        self.kinds.append(message["type"])
        if message["type"] == "snapshot":
            self.epoch = message["epoch"]
        self.seq = message.get("seq", self.seq)
        self.live.absorb(message)
        return message

    async def catch_up(self) -> None:
        """Everything that was sent before the answer to a ping."""
        assert self.socket is not None
        await self.socket.send_json({"type": "ping"})
        while (await self.read_one())["type"] != "pong":
            pass

    async def cut(self) -> None:
        """The line breaks: no closing handshake, and what is under way is lost."""
        assert self.socket is not None
        transport = self.socket._conn.transport if self.socket._conn is not None else None
        assert transport is not None
        transport.abort()
        await self.socket.close()


@pytest.mark.feature("P-32")
async def test_no_drift_after_ten_forced_disconnects(site: Site) -> None:
    """The engine works on while the lines of two watchers and an agent break ten times each."""
    dice, own, core = random.Random(32), site.world.own, site.engine.core
    people = [own.people["agent"], own.people["other"], own.people["supervisor"]]
    async with site.browser("admin") as one, site.browser("supervisor") as two, site.browser("agent") as three:
        tabs = [Tab(site, browser) for browser in (one, two, three)]
        for tab in tabs:
            await tab.connect()
        calls: list[Call] = []

        async def life(steps: int) -> None:
            for _ in range(steps):
                if len(calls) > 5 or (calls and dice.random() < 0.3):
                    ended = calls.pop(dice.randrange(len(calls)))
                    ended.state, ended.ended_at = CallState.ENDED, utcnow()
                    core.take(ended, [])
                    core.outbox.noted.ended.append(ended)
                elif calls and dice.random() < 0.5:
                    moved = dice.choice(calls)
                    moved.employee_id, moved.state = dice.choice(people), CallState.TALKING
                    core.take(moved, [])
                else:
                    made = _new_call(own.id, dice)
                    made.employee_id = dice.choice([*people, None])
                    core.registry.calls[made.id] = made
                    calls.append(made)
                    core.take(made, [])
                state = dice.choice([AgentState.READY, AgentState.LOGGED_OUT])
                await site.engine.execute(ChooseState(own.id, dice.choice(people), state))
                await core.flush()

        for _ in range(10):
            await life(4)
            for tab in tabs:
                await tab.cut()
            await life(dice.randrange(1, 8))
            for tab in tabs:
                await tab.connect()
        await life(5)
        for tab in tabs:
            await tab.catch_up()
            assert tab.kinds.count("resumed") == 10, "ten gaps were filled, not papered over with snapshots"
            fresh = Tab(site, tab.browser)
            await fresh.connect()
            shown = {kind: items for kind, items in tab.live.entities.items() if items and kind != "stats"}
            truth = {kind: items for kind, items in fresh.live.entities.items() if items and kind != "stats"}
            assert shown == truth
            for socket in (tab.socket, fresh.socket):
                assert socket is not None
                await socket.close()
        assert tabs[0].live.entities["call"], "the comparison was not empty"
        assert tabs[2].live.entities["agent"].keys() == {str(own.people["agent"])}


def _new_call(company_id: int, dice: random.Random) -> Call:
    return Call(
        id=f"live-{dice.randrange(10**9)}",
        company_id=company_id,
        direction=Direction.INBOUND,
        number="+8613900000000",
        started_at=utcnow(),
        state=CallState.QUEUED,
        state_since=utcnow(),
    )


async def test_a_pop_reaches_the_one_whose_phone_rings_and_nobody_else(site: Site) -> None:
    own = site.world.own
    async with site.browser("agent") as mine, site.browser("other") as theirs, site.browser("supervisor") as boss:
        tabs = {"agent": Tab(site, mine), "other": Tab(site, theirs), "supervisor": Tab(site, boss)}
        for tab in tabs.values():
            await tab.connect()
        call = _new_call(own.id, random.Random(1))
        call.number = own.ids["number_text"]
        site.engine.core.registry.calls[call.id] = call
        site.engine.core.take(call, [])
        site.engine.core.pop(call, own.people["agent"])
        await site.engine.core.flush()
        got: dict[str, list[Message]] = {}
        for name, tab in tabs.items():
            assert tab.socket is not None
            await tab.socket.send_json({"type": "ping"})
            got[name] = []
            while (message := await tab.read_one())["type"] != "pong":
                got[name].append(message)
        pops = {name: [one for one in messages if one.get("name") == "pop"] for name, messages in got.items()}
        assert len(pops["agent"]) == 1 and pops["agent"][0]["data"]["customer"]["id"] == own.ids["customer"]
        assert not pops["other"] and not pops["supervisor"]
        assert call.id not in json.dumps(got["other"])
        for tab in tabs.values():
            assert tab.socket is not None
            await tab.socket.close()


async def test_a_change_of_rights_closes_with_4401_and_the_next_connection_has_the_new_ones(site: Site) -> None:
    own = site.world.own
    async with site.browser("supervisor") as browser, site.browser("admin") as admin, site.browser("agent") as agent:
        tab, bystander = Tab(site, browser), Tab(site, agent)
        await tab.connect()
        await bystander.connect()
        while "today" not in tab.live.entities["stats"]:
            await tab.read_one()
        assert len(tab.live.entities["agent"]) == 2
        change = await admin.ask("PATCH", f"/api/employees/{own.people['supervisor']}", {"role": "agent"})
        assert change.status == 200
        assert tab.socket is not None
        while (message := await tab.socket.receive(timeout=5)).type is WSMsgType.TEXT:
            pass
        assert message.type is WSMsgType.CLOSE and tab.socket.close_code == 4401
        await tab.connect()
        assert tab.kinds[-1] == "snapshot"
        assert tab.live.entities["agent"].keys() == {str(own.people["supervisor"])}
        assert not tab.live.entities["stats"]
        await bystander.catch_up()
        assert bystander.socket is not None and not bystander.socket.closed
        await tab.socket.close()
        await bystander.socket.close()


@pytest.mark.parametrize("hello", ["", "{", '"hello"', '{"type":"bye"}', '{"type":"hello","resume":{"epoch":1}}', "[]"])
async def test_a_strange_hello_means_from_the_beginning(site: Site, hello: str) -> None:
    async with site.browser("agent") as browser, browser.http.ws_connect(site.url + "/live") as socket:
        await socket.send_str(hello)
        assert (await socket.receive_json(timeout=5))["type"] == "snapshot"
        await socket.send_str('{"type":"ping"}')
        while (message := await socket.receive_json(timeout=5))["type"] != "pong":
            assert message["type"] in ("delta", "event")


async def test_a_huge_message_ends_only_that_connection(site: Site) -> None:
    async with site.browser("agent") as browser:
        async with browser.http.ws_connect(site.url + "/live") as socket:
            await socket.send_json({"type": "hello"})
            await socket.receive_json(timeout=5)
            await socket.send_str("x" * 100_000)
            while (message := await socket.receive(timeout=5)).type is WSMsgType.TEXT:
                pass
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert (await browser.get("/healthz")).status == 200


async def test_a_client_that_does_not_read_does_not_slow_the_engine(site: Site) -> None:
    """Its socket is open and full; the hub's memory for it stays bounded, and others are told at once."""
    own = site.world.own
    async with site.browser("admin") as stuck, site.browser("admin") as quick:
        silent = await stuck.http.ws_connect(site.url + "/live")
        await silent.send_json({"type": "hello"})
        await silent.receive(timeout=5)
        transport = silent._conn.transport if silent._conn is not None else None
        assert transport is not None
        transport.pause_reading()
        tab = Tab(site, quick)
        await tab.connect()
        padding = "x" * 20_000
        for index in range(3 * QUEUE_LIMIT):
            site.hub.publish(own.id, [("system", "test", {"index": index, "padding": padding})])
            if index % 50 == 49:
                await tab.catch_up()
        assert tab.live.entities["system"]["test"]["index"] == 3 * QUEUE_LIMIT - 1
        queues = sorted(len(one.queue) for one in site.hub.stream(own.id).clients)
        assert len(queues) == 2 and queues[-1] <= QUEUE_LIMIT
        assert any(one.behind for one in site.hub.stream(own.id).clients)
        transport.resume_reading()
        seen: Message = {}
        while seen.get("type") != "snapshot":
            seen = await silent.receive_json(timeout=5)
        assert tab.socket is not None
        await asyncio.gather(silent.close(), tab.socket.close())


async def test_the_link_to_the_phones_is_told(site: Site) -> None:
    async with site.browser("agent") as browser:
        tab = Tab(site, browser)
        await tab.connect()
        assert tab.live.entities["system"]["phones"] == {"phones": "live"}
        site.engine.deliver(ev.LinkChanged(ev.LinkState.LOST, "test"))
        await asyncio.sleep(0.05)
        await tab.catch_up()
        assert tab.live.entities["system"]["phones"] == {"phones": "lost"}
        assert tab.socket is not None
        await tab.socket.close()
