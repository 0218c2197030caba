"""The report: one page that opens from a file, and the same numbers as Markdown, CSV and LaTeX.

Reading order: `benchmark/cells.py` (what a cell is), `write.py` (all files), `page.py` (what the template gets), then
`page.html`, `page.css` and `page.js`, which are inlined. Nothing here imports torch.
"""
