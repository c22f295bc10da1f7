"""Drives the browser phone against a far end made in the same page: real SIP messages, real DTLS-SRTP audio.

python dev/softphone_check.py   (after `npm run build`)
"""

import sys
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import fixtures as fx  # noqa: E402
from shots import ARGS  # noqa: E402
from stage import ORIGIN, install, send  # noqa: E402

MEDIA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
FAR_END = """async () => {
  const context = new AudioContext(); await context.resume()
  const tone = context.createOscillator(); const out = context.createMediaStreamDestination()
  tone.connect(out); tone.start()
  const pc = new RTCPeerConnection(); window.far = pc
  pc.addTrack(out.stream.getAudioTracks()[0], out.stream)
  await pc.setLocalDescription(await pc.createOffer())
  if (pc.iceGatheringState !== 'complete') await new Promise(done => pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done())
  return pc.localDescription.sdp
}"""
FAR_ANSWER = "async sdp => { await window.far.setRemoteDescription({type: 'answer', sdp}) }"
FAR_REOFFER = """async sdp => {
  await window.far.setRemoteDescription({type: 'offer', sdp}); await window.far.setLocalDescription(await window.far.createAnswer())
  return window.far.localDescription.sdp
}"""


def lines(message: str, name: str) -> str:
    return "\r\n".join(line for line in message.split("\r\n") if line.startswith(f"{name}:"))


class FarEnd:
    def __init__(self, page: Page, held: dict) -> None:
        self.page, self.held, self.n = page, held, 0

    def say(self, *head: str, body: str = "") -> None:
        kind = ["Content-Type: application/sdp"] if body else []
        self.held["sip"].send("\r\n".join([*head, *kind, f"Content-Length: {len(body)}", "", body]))

    def heard(self, start: str, seconds: float = 8) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for index, message in enumerate(self.held["heard"]):
                if message.startswith(start):
                    return self.held["heard"].pop(index)
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never heard {start}; heard {[m.splitlines()[0] for m in self.held['heard']]}")

    def invite(self, *extra: str) -> None:
        self.n += 1
        self.call = f"call-{self.n}@far"
        self.via = f"Via: SIP/2.0/WS far.invalid;branch=z9hG4bK{self.n}"
        contact = lines(self.held["register"], "Contact").split("<")[1].split(">")[0].split(";")[0]
        self.target = contact
        sdp = self.page.evaluate(FAR_END)
        self.say(
            f"INVITE {contact} SIP/2.0", self.via, "Max-Forwards: 70", "From: <sip:13800000001@callcenter.invalid>;tag=far",
            "To: <sip:agent-1-web@callcenter.invalid>", f"Call-ID: {self.call}", "CSeq: 1 INVITE", "Contact: <sip:far@far.invalid;transport=ws>", *extra, body=sdp,
        )

    def answered(self) -> None:
        ok = self.heard("SIP/2.0 200")
        self.to = lines(ok, "To")
        self.page.evaluate(FAR_ANSWER, ok.split("\r\n\r\n", 1)[1])
        self.say(f"ACK {self.target} SIP/2.0", self.via + "a", "Max-Forwards: 70", "From: <sip:13800000001@callcenter.invalid>;tag=far", self.to, f"Call-ID: {self.call}", "CSeq: 1 ACK")

    def reinvited(self) -> str:
        offer = self.heard("INVITE")
        kept = [lines(offer, name) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        sdp = offer.split("\r\n\r\n", 1)[1]
        self.say("SIP/2.0 200 OK", *kept, "Contact: <sip:far@far.invalid;transport=ws>", body=self.page.evaluate(FAR_REOFFER, sdp))
        self.heard("ACK")
        return sdp

    def ended(self) -> None:
        bye = self.heard("BYE")
        self.say("SIP/2.0 200 OK", *[lines(bye, name) for name in ("Via", "From", "To", "Call-ID", "CSeq")])


def stats(page: Page) -> dict:
    return page.evaluate("window.__softphoneStats") or {}


def main() -> None:
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=[*ARGS, *MEDIA])
        page = browser.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900}).new_page()
        page.on("pageerror", lambda error: print("PAGEERROR", error))
        held = install(page, "agent", {"agent": {"1": fx.live_agent(0, "ready", 60)}})
        page.goto(f"{ORIGIN}/work/1")
        expect(page.get_by_test_id("phone-status")).to_have_attribute("data-line", "ready")
        page.mouse.click(700, 20)
        far = FarEnd(page, held)

        print("inbound: rings, is answered, both sides hear")
        far.invite("X-Call-Id: c-9")
        expect(page.get_by_test_id("answer")).to_be_visible()
        page.get_by_test_id("answer").click()
        far.answered()
        expect(page.get_by_test_id("call-state")).to_have_attribute("data-state", "talking")
        page.wait_for_timeout(2500)
        now = stats(page)
        assert now["packetsReceived"] > 50 and now["packetsSent"] > 50, now
        assert now["inboundAudioLevel"] > 0.01, now

        print("mute, hold, resume, tones")
        page.get_by_test_id("mute").click()
        expect(page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")
        page.get_by_test_id("mute").click()
        page.get_by_test_id("hold").click()
        assert "a=sendonly" in far.reinvited()
        expect(page.get_by_test_id("hold")).to_have_attribute("aria-pressed", "true")
        page.get_by_test_id("hold").click()
        far.reinvited()
        expect(page.get_by_test_id("hold")).to_have_attribute("aria-pressed", "false")
        page.get_by_test_id("keypad").click()
        page.get_by_test_id("dtmf-5").click()
        if len(sys.argv) > 1:
            page.screenshot(path=sys.argv[1])

        print("hang-up")
        page.get_by_test_id("hangup").click()
        far.ended()
        expect(page.get_by_test_id("call-state")).to_have_count(0)

        print("own click-to-dial: answers by itself")
        far.invite("X-Call-Id: c-10", "X-Auto-Answer: 1")
        far.answered()
        expect(page.get_by_test_id("call-state")).to_have_attribute("data-state", "talking")
        page.get_by_test_id("hangup").click()
        far.ended()
        expect(page.get_by_test_id("call-state")).to_have_count(0)

        print("own click-to-dial without the header: answers when the live state says so")
        far.invite()
        expect(page.get_by_test_id("answer")).to_be_visible()
        send(held, {"type": "delta", "set": [["call", "l-0", fx.live_call(0, "dialing_agent", 1)]], "del": []})
        far.answered()
        send(held, {"type": "delta", "set": [], "del": [["call", "l-0"]]})
        page.get_by_test_id("hangup").click()
        far.ended()

        print("declined")
        far.invite("X-Call-Id: c-11")
        page.get_by_test_id("hangup").click()
        far.heard("SIP/2.0 486")
        expect(page.get_by_test_id("call-state")).to_have_count(0)
        browser.close()
        print("all as wanted")


if __name__ == "__main__":
    main()
