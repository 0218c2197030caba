'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($('data').textContent);
  const field = Object.fromEntries(data.fields.map((name, i) => [name, i]));
  const PAGE = 40;
  // A link as text; that of a name which is not UTF-8 stays as it is.
  const spoken = (link) => {
    try {
      return decodeURIComponent(link);
    } catch {
      return link;
    }
  };

  // Sorting: numbers where cells have them, else text; rows without a value stay at the end.
  const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
  const value = (row, i) => {
    const cell = row.cells[i];
    const text = cell.dataset.v ?? (cell.firstElementChild?.textContent || cell.textContent).trim();
    if (text === '' || text === '·') return null;
    const number = Number(text.replace('−', '-'));
    return Number.isNaN(number) ? text : number;
  };
  const sort = (header) => {
    const table = header.closest('table');
    const body = table.tBodies[0];
    const i = header.cellIndex;
    const start = header.classList.contains('num') ? 'descending' : 'ascending';
    const other = { ascending: 'descending', descending: 'ascending' };
    const direction = other[header.getAttribute('aria-sort')] ?? start;
    const sign = direction === 'ascending' ? 1 : -1;
    const rows = [...body.rows].map((row) => [value(row, i), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      if (typeof a === typeof b && typeof a === 'number') return sign * (a - b);
      return sign * order.compare(String(a), String(b));
    });
    table.querySelectorAll('th[aria-sort]').forEach((th) => th.removeAttribute('aria-sort'));
    header.setAttribute('aria-sort', direction);
    body.append(...rows.map(([, row]) => row));
  };
  document.addEventListener('click', (event) => {
    const header = event.target.closest('thead th');
    if (header && event.target.closest('button')) sort(header);
  });

  // Records: built from the block of data when they are looked at.
  const text = (i) => data.texts[i];
  const make = (name, content, className) => {
    const element = document.createElement(name);
    if (content !== undefined) element.textContent = content;
    if (className) element.className = className;
    return element;
  };
  const duration = (s) => (s < 120 ? `${s} s` : s < 7200 ? `${(s / 60).toFixed(1)} min` : `${(s / 3600).toFixed(1)} h`);
  const copy = async (button, words) => {
    try {
      await navigator.clipboard.writeText(words);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = 'Selected: press Ctrl+C';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  };
  const details = (row) => {
    const at = (name) => row[field[name]];
    const [, id, version, hash, , domain, note] = data.protocols[at('protocol')];
    const list = make('dl');
    const add = (name, content) => {
      if (content === '' || content === null) return;
      const place = make('dd');
      place.append(content);
      list.append(make('dt', name), place);
    };
    const link = make('a', spoken(at('link')));
    link.href = at('link');
    add('result', link);
    add('scores', Object.entries(at('scores')).map(([name, score]) => `${name} ${score}`).join(', '));
    add('protocol', `${id}, version ${version}, hash ${hash}, ${domain}${note ? `; ${note}` : ''}`);
    add('checkpoint', data.checkpoints[at('checkpoint')]);
    if (at('sha256')) add('sha256', make('code', at('sha256')));
    add('seed', String(at('seed')));
    add('loading', text(at('load')));
    add('config', text(at('config')));
    add('effective batch', at('batch') === null ? '' : String(at('batch')));
    add('code', text(at('code')));
    add('libraries', text(at('libraries')));
    add('hardware', text(at('hardware')));
    add('cost', `${duration(at('wall'))} wall time${at('gpu') ? `, ${duration(at('gpu'))} GPU time` : ''}, peak ${at('memory').toLocaleString('en')} MB`);
    add('finished', at('finished'));
    add('notes', text(at('notes')));
    const command = make('div', undefined, 'command');
    const button = make('button', 'Copy', 'plain copy');
    button.type = 'button';
    button.setAttribute('aria-label', 'Copy the command');
    button.addEventListener('click', () => copy(button, at('command')));
    command.append(make('code', at('command')), button);
    add('command', command);
    return list;
  };
  const record = (number, open) => {
    const row = data.rows[number];
    const [label, , , , metric] = data.protocols[row[field.protocol]];
    const element = make('details', undefined, 'record');
    element.id = `run-${number}`;
    const summary = make('summary');
    const score = row[field.scores][metric];
    summary.append(make('b', data.checkpoints[row[field.checkpoint]]), make('span', ` · ${label} · seed ${row[field.seed]} · `), `${metric} ${score}`);
    element.append(summary);
    const fill = () => { if (element.childElementCount === 1) element.append(details(row)); };
    element.addEventListener('toggle', fill);
    if (open) { fill(); element.open = true; }
    return element;
  };
  let chosen = null;
  let words = [];
  let limit = PAGE;
  let haystack = null;
  const matching = () => {
    if (!words.length) return chosen ?? data.rows.map((_, i) => i);
    haystack ??= data.rows.map((row) => [
      data.checkpoints[row[field.checkpoint]], ...data.protocols[row[field.protocol]].slice(0, 6).filter((_, i) => i !== 3),
      spoken(row[field.link]), `seed ${row[field.seed]}`, text(row[field.config]),
    ].join(' ').toLowerCase());
    const found = chosen ?? data.rows.map((_, i) => i);
    return found.filter((i) => words.every((word) => haystack[i].includes(word)));
  };
  const draw = (open = false) => {
    const found = matching();
    const shown = found.slice(0, limit);
    $('records-list').replaceChildren(...shown.map((i) => record(i, open || (chosen !== null && found.length <= 12))));
    const of = chosen ? 'of the number that you followed' : words.length ? 'that match the filter' : 'in all';
    $('records-state').textContent = `${found.length.toLocaleString('en')} ${found.length === 1 ? 'run' : 'runs'} ${of}` +
      (shown.length < found.length ? `; ${shown.length} are shown.` : '.') + ' Each opens to its versions, hardware and command.';
    $('records-more').hidden = shown.length === found.length;
    $('records-all').hidden = chosen === null;
    return found.length;
  };
  $('records-more').addEventListener('click', () => { limit += 200; draw(); });
  $('records-all').addEventListener('click', () => { chosen = null; limit = PAGE; history.replaceState(null, '', '#records'); draw(); });
  const follow = () => {
    const match = location.hash.match(/^#runs-([\d_-]+)$/);
    if (!match) return;
    chosen = match[1].split('_').flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    }).filter((i) => i in data.rows);
    limit = PAGE;
    if (words.length) { $('filter').value = ''; filter(); }
    draw();
    $('records').scrollIntoView({ behavior: 'instant' });
    $('records-title').focus({ preventScroll: true });
  };
  addEventListener('hashchange', follow);
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#runs-"]');
    if (link && link.hash === location.hash) follow(); // the same link again changes no hash
  });

  // Filter: every word must occur in the row.
  let rows = null;
  const filter = () => {
    words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
    rows ??= [...document.querySelectorAll('table.filterable > tbody > tr, .filterable-item')].map((element) => [
      element, (element.dataset.words ?? element.textContent).toLowerCase(),
    ]);
    let shown = 0;
    for (const [element, content] of rows) {
      element.hidden = !words.every((word) => content.includes(word));
      if (element.rowIndex !== undefined) shown += !element.hidden;
    }
    $('count').textContent = words.length ? `${shown.toLocaleString('en')} rows` : '';
    limit = PAGE;
    draw();
  };
  $('filter').addEventListener('input', filter);
  addEventListener('keydown', (event) => {
    if (event.key === '/' && !/input|textarea/i.test(event.target.tagName)) { event.preventDefault(); $('filter').focus(); }
    if (event.key === 'Escape' && event.target === $('filter')) { $('filter').value = ''; filter(); }
  });

  // Paper shows everything.
  const expand = () => {
    [chosen, words, limit] = [null, [], Infinity];
    draw(true);
    document.querySelectorAll('details').forEach((element) => { element.open = true; });
  };
  addEventListener('beforeprint', expand);
  matchMedia('print').addEventListener('change', (event) => { if (event.matches) expand(); });

  draw();
  follow();
})();
