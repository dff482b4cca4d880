"""scripts/bench quality | speed | gateway."""

import argparse
import os
from pathlib import Path

from benchmarks import gateway, quality, speed

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    photos = Path(os.environ.get("FUSION_PHOTOS") or ROOT.parent / "shared/data")
    for name, text in (("quality", "pictures, against a baseline"), ("speed", "time a stage")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--photos", type=Path, default=photos, help="has faces/index.csv")
        command.add_argument("--out", type=Path, default=ROOT / "out", help="folder of the sheets")
    commands.add_parser("gateway", help="requests a second, against a bare nginx")
    args = parser.parse_args()
    if args.command == "gateway":
        gateway.run()
        return
    if not (args.photos / "faces/index.csv").is_file():
        parser.error(f"{args.photos} holds no faces/index.csv: give --photos or FUSION_PHOTOS")
    args.out.mkdir(parents=True, exist_ok=True)
    run = quality.run if args.command == "quality" else speed.run
    run(args.photos, args.out, ROOT / "models")


if __name__ == "__main__":
    main()
