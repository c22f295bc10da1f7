"""`./dev features [--json]`: which features a passing test proves, from the last full test run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from callcenter.settings import PROJECT_ROOT

IDS = Path(__file__).parent / "feature_ids.txt"
RESULTS = PROJECT_ROOT / ".callcenter" / "features.json"


def listing() -> dict[str, list[str]]:
    """`proven` and `unproven`, in the order of the id list. A feature is proven when all of its tests passed."""
    known = IDS.read_text("utf-8").split()
    try:
        results: dict[str, dict[str, bool]] = json.loads(RESULTS.read_text("utf-8"))
    except (OSError, ValueError):
        results = {}
    proven = [one for one in known if results.get(one) and all(results[one].values())]
    return {"proven": proven, "unproven": [one for one in known if one not in proven]}


def main() -> int:
    found = listing()
    if "--json" in sys.argv[1:]:
        print(json.dumps(found))
        return 0
    if not RESULTS.exists():
        print("No test run yet: ./dev test proves features.")
    print(f"proven ({len(found['proven'])}): {' '.join(found['proven'])}")
    print(f"not proven ({len(found['unproven'])}): {' '.join(found['unproven'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
