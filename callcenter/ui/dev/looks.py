"""Looks at every picture of `shots.py` in a real browser and prints what is wrong with it, one line each.

python dev/looks.py [--part 1/4] [names]: rules of accessibility (axe-core: serious and critical ones) and layout in three
sizes, in English, whose words are the longest. Ends with 1 when something was found.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
from shots import ARGS, SCENES  # noqa: E402
from stage import ORIGIN, install  # noqa: E402

UI = Path(__file__).parents[1]
LAYOUT = (UI / "dev/looks.js").read_text()
AXE = (UI / "node_modules/axe-core/axe.min.js").read_text()
RULES = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'], preload: false })
  const bad = violations.filter(one => one.impact === 'serious' || one.impact === 'critical')
  return bad.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target.flat().join(" ")} ${node.html.slice(0, 200)} (${node.failureSummary.split("\\n").at(-1).trim()})`))
}"""
"""What axe finds: rule, place and reason."""
SIZES = ((1440, 900), (1366, 657), (390, 844))
RESTED = """async () => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  const moving = document.getAnimations().filter(one => one.effect.getComputedTiming().iterations !== Infinity)
  await Promise.all(moving.map(one => one.finished.catch(() => null)))
}"""
"""Waits until the page is drawn and nothing moves any more."""
ROUTE = re.compile(r"path: '([^']+)'(?:,\s*name: '([^']+)')?(?:,\s*component: \(\) => import\('([^']+)'\))?")


def pages() -> dict[str, str]:
    """Every page of the router, by name: its path up to the first parameter."""
    found, parent = {}, ""
    for path, name, component in ROUTE.findall((UI / "src/router.ts").read_text()):
        whole = path if path.startswith("/") else f"{parent}/{path}"
        if component.endswith("Frame.vue"):
            parent = path
        elif component and not path.startswith("/:"):
            found[name] = whole.split("/:")[0]
    return found


def settle(page: Page) -> None:
    """Waits until nothing is loading and nothing moves."""
    page.wait_for_load_state("networkidle")
    page.evaluate(RESTED)


def look(browser: Browser, scene: tuple) -> list[str]:
    name, role, path, entities, step = scene
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(f"{name}: {str(error)[:200]}"))
    held = install(page, role, entities)
    page.goto(ORIGIN + path)
    settle(page)
    if step:
        step(page, held)
        settle(page)
    page.evaluate(AXE)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(RESTED)
        faults += [f"{name} {width}x{height}: {one}" for one in page.evaluate(LAYOUT)]
        if width == 1440 or (width == 390 and step is None):
            faults += [f"{name} {width}x{height}: {one}" for one in page.evaluate(RULES)]
    context.close()
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="1/1", help="which share of the pictures")
    parser.add_argument("names", nargs="*", help="names of pictures; none: all")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    shown = {re.sub(r"/\d+$", "", re.split("[?#]", scene[2])[0]) for scene in SCENES}
    missing = {path for path in pages().values() if path not in shown}
    faults = [f"{path} has no picture in shots.py" for path in sorted(missing)]
    scenes = [scene for scene in SCENES if not options.names or scene[0] in options.names][part - 1 :: parts]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CALLCENTER_CHROMIUM") or "/usr/bin/chromium", args=ARGS)
        for scene in scenes:
            try:
                faults += look(browser, scene)
            except Exception as problem:
                faults.append(f"{scene[0]}: {str(problem)[:300]}")
        browser.close()
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
