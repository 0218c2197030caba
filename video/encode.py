"""Clips written as real video files, for drawn data and for tests."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: int = 10, quality: int = 18) -> Path:
    """Encode uint8 `(H, W, 3)` frames as H.264 in an mp4 file, or as the suffix says. Height and width are even.

    Equal frames give equal files. With x264's macroblock tree they do not: that spreads the bits otherwise from call to
    call, on one thread, too.
    """
    options = {'crf': str(quality), 'preset': 'veryfast', 'threads': '1', 'x264-params': 'mbtree=0'}

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as container:
        stream = None
        for frame in frames:
            if stream is None:
                stream = container.add_stream('libx264', rate=fps, options=options)
                stream.height, stream.width, stream.pix_fmt = frame.shape[0], frame.shape[1], 'yuv420p'
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        if stream is not None:
            container.mux(stream.encode())
    return path
