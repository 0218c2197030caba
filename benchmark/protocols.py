"""Protocols of the configs that come with mimbench, and their golden hashes.

`protocols.json` holds for each transfer config the protocol's id, version, and the hash of its recipe. A test compares:
who changes a recipe raises its version, and then writes the file anew with `python -m benchmark.protocols`.
"""

import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from benchmark.command import ROOT
from pretrain.errors import UserError
from pretrain.files import atomic
from pretrain.record import PROTOCOL_KEYS, Protocol

GOLDEN = Path(__file__).with_name('protocols.json')
DOMAINS = (
    *('classification', 'det_mmdetection', 'det_detectron2', 'seg_mmsegmentation'),
    *('video', 'pointcloud', 'medical'),
)


@lru_cache(maxsize=1)
def golden() -> dict[str, dict]:
    """`{config path: {id, version, metric, higher_is_better, init_stage, recipe}}` as it was last written."""
    return json.loads(GOLDEN.read_text())


def shipped(protocol: Protocol) -> bool:
    """Whether a result's recipe is that of a config as it comes, nothing overridden."""
    kept = (protocol.id, protocol.version, protocol.recipe)
    return any(kept == (entry['id'], entry['version'], entry['recipe']) for entry in golden().values())


def transfer_configs(root: Path = ROOT) -> Iterator[Path]:
    """Every config that has a protocol, sorted. Only files that name one are loaded, or whose base does."""
    for domain in DOMAINS:
        base = root / domain / 'configs'
        for path in sorted(base.rglob('*.py')):
            if '_base_' not in path.relative_to(base).parts:
                yield path


def computed(root: Path = ROOT) -> dict[str, dict]:
    """What `golden` should be, from the configs as they are."""
    from pretrain.engine.launch import load_config
    from pretrain.engine.transfer import protocol_of

    found = {}
    for path in transfer_configs(root):
        cfg = load_config(path)
        if 'protocol' in cfg:
            protocol = protocol_of(cfg, {})
            facts = {name: getattr(protocol, name) for name in (*PROTOCOL_KEYS, 'recipe')}
            found[path.relative_to(root).as_posix()] = facts
    return found


def differences(new: dict[str, dict], old: dict[str, dict]) -> list[str]:
    """What is wrong with a change of protocols; empty if every changed recipe has a raised version."""
    wrong = []
    for path, entry in new.items():
        if path not in old:
            wrong.append(f'{path}: new; write protocols.json with `python -m benchmark.protocols`')
        elif entry['recipe'] != old[path]['recipe'] and entry['version'] <= old[path]['version']:
            wrong.append(
                f'{path}: the recipe of protocol {entry["id"]} changed and its version is still {entry["version"]}; '
                'raise protocol.version, or restore the recipe'
            )
        elif entry != old[path]:
            wrong.append(f'{path}: changed; write protocols.json with `python -m benchmark.protocols`')
    wrong += [f'{path}: is gone; write protocols.json anew' for path in old if path not in new]
    return wrong


def write() -> None:
    """Write `protocols.json`. UserError where a recipe changed under an unchanged version."""
    new, old = computed(), golden() if GOLDEN.exists() else {}
    wrong = [line for line in differences(new, old) if 'is still' in line]
    if wrong:
        raise UserError('\n'.join(wrong))
    with atomic(GOLDEN) as temporary:
        temporary.write_text(json.dumps(new, indent=1, sort_keys=True) + '\n')


if __name__ == '__main__':
    try:
        write()
    except UserError as error:
        sys.exit(str(error))
