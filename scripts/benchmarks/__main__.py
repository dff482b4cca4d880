"""scripts/bench quality | groups | speed | gateway."""

import argparse
import os
from pathlib import Path

from benchmarks import gateway, groups, quality, speed

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    photos = Path(os.environ.get("FUSION_PHOTOS") or ROOT.parent / "shared/data")
    looked_at = {"quality": quality.run, "groups": groups.run}
    texts = ("pictures, against a baseline", "the same by hard cases", "time a stage")
    for name, text in zip((*looked_at, "speed"), texts, strict=True):
        command = commands.add_parser(name, help=text)
        command.add_argument("--photos", type=Path, default=photos, help="has faces/index.csv")
        if name in looked_at:
            command.add_argument("--out", type=Path, default=ROOT / "out", help="for the sheets")
    commands.add_parser("gateway", help="requests a second, against a bare nginx")
    args = parser.parse_args()
    if args.command == "gateway":
        gateway.run()
        return
    if not (args.photos / "faces/index.csv").is_file():
        parser.error(f"{args.photos} holds no faces/index.csv: give --photos or FUSION_PHOTOS")
    models_dir = Path(os.environ.get("FUSION_MODELS_DIR") or ROOT / "models")
    if args.command == "speed":
        speed.run(args.photos, models_dir)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    looked_at[args.command](args.photos, args.out, models_dir)


if __name__ == "__main__":
    main()
