"""A small video whose frames tell their number."""

from pathlib import Path

import numpy as np


def write_numbered(path: Path, codec: str = 'libx264') -> Path:
    """60 frames with several key frames and with B-frames; frame i is of grey level 4 i."""
    import av

    with av.open(str(path), 'w') as container:
        options = {'g': '9', 'bf': '2', **({'crf': '1'} if codec == 'libx264' else {})}
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = 32, 48, 'yuv420p', 4_000_000
        for i in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 4 * i, np.uint8), format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
