const plain = (selector, act) => document.querySelectorAll(selector).forEach(e => e.addEventListener('click', event => act(e, event)));
const grids = JSON.parse(document.getElementById('grids').textContent);
const forms = JSON.parse(document.getElementById('forms').textContent);
const rows = () => document.querySelectorAll('tbody tr[data-row]');

document.querySelectorAll('th button').forEach(button => button.addEventListener('click', () => {
  const th = button.parentElement, table = th.closest('table'), body = table.tBodies[0], i = th.cellIndex;
  whole(table.closest('section'));
  const up = th.getAttribute('aria-sort') !== 'ascending';
  table.querySelectorAll('th').forEach(h => h.removeAttribute('aria-sort'));
  th.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  body.querySelectorAll('tr.grid').forEach(tr => tr.remove());
  body.querySelectorAll('.open').forEach(b => b.setAttribute('aria-expanded', 'false'));
  const value = r => r.cells[i].dataset.v ?? r.cells[i].textContent;
  body.append(...[...body.rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === '' || y === '') return (x === '') - (y === '');
    const d = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return up ? d : -d;
  }));
}));

// Words are whole names or whole numbers of steps and calls; `ays*` is a beginning, `solver:heun` asks one column.
const columns = ['schedule', 'solver', 'kind', 'steps', 'calls', 'host'];
const wild = word => new RegExp('^' + word.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*') + '$', 'i');
const fits = (row, word) => {
  const [column, rest] = word.includes(':') ? word.split(/:(.*)/) : [null, word];
  const test = wild(rest);
  const parts = name => (row.dataset[name] ?? '').split(' ');
  return column ? parts(column).some(v => test.test(v))
    : ['schedule', 'solver', 'kind', 'steps', 'calls'].some(name => parts(name).some(v => test.test(v)));
};
// What is there, where nothing was found.
const hint = words => {
  const named = words.filter(w => w.includes(':')).map(w => w.split(/:(.*)/));
  const unknown = named.find(([column]) => !columns.includes(column));
  if (unknown) return `0 rows: there is no column ${unknown[0]}; columns are ${columns.join(', ')}`;
  const longer = words.map(w => w.endsWith('*') || w.endsWith(':') ? w : `${w}*`);
  const near = [...rows()].filter(r => longer.every(w => fits(r, w))).length;
  if (near) return `0 rows: words are whole names or numbers; ${longer.join(' ')} finds ${near}`;
  const values = column => [...new Set([...rows()].flatMap(r => (r.dataset[column] ?? '').split(' ')).filter(Boolean))];
  const empty = named.find(([column, rest]) => !values(column).some(v => wild(rest).test(v)));
  if (!empty) return `0 rows have all of these: words are whole names or numbers, ays* is a beginning; columns are ${columns.join(', ')}`;
  const found = values(empty[0]);
  return `0 rows: ${empty[0]} has ${found.slice(0, 12).join(', ')}${found.length > 12 ? ', ...' : ''}${found.length ? '' : 'no values here'}`;
};
const filter = document.getElementById('filter');
filter.addEventListener('input', () => {
  const words = filter.value.trim().replace(/:\s+/g, ':').split(/\s+/).filter(Boolean);
  document.querySelectorAll('tr.grid').forEach(tr => tr.remove());
  document.querySelectorAll('.open').forEach(b => b.setAttribute('aria-expanded', 'false'));
  document.documentElement.classList.toggle('filtering', words.length > 0);
  let shown = 0;
  for (const row of rows()) { row.hidden = !words.every(w => fits(row, w)); shown += !row.hidden; }
  for (const part of document.querySelectorAll('section[data-group], section[data-solver]')) {
    part.hidden = ![...part.querySelectorAll('tr[data-row]')].some(r => !r.hidden);
  }
  document.getElementById('count').textContent = !words.length ? '' : shown ? `${shown} rows` : hint(words);
});

// Arrows walk over the rows of a table.
document.addEventListener('keydown', event => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], here = document.activeElement;
  if (!step) return;
  if (!here.matches('.open')) {
    // From the filter or the head of a table down into its rows.
    const part = here.matches('#filter') ? document : here.matches('th button') ? here.closest('table') : null;
    const first = part && [...part.querySelectorAll('tr[data-row]:not([hidden]) .open')].find(e => e.offsetParent);
    if (step > 0 && first) { event.preventDefault(); first.focus(); }
    return;
  }
  const all = [...here.closest('tbody').querySelectorAll('tr[data-row]:not([hidden]) .open')].filter(e => e.offsetParent);
  const next = all[all.indexOf(here) + step];
  if (next) { event.preventDefault(); next.focus(); }
});

// The head of a table stays below the filter while the page scrolls.
const bar = document.querySelector('.bar'), boxes = [...document.querySelectorAll('.scroll')];
const settle = () => {
  document.documentElement.style.setProperty('--bar', `${bar.offsetHeight}px`);
  for (const box of boxes) box.classList.toggle('wider', box.firstElementChild.offsetWidth > box.clientWidth + 1);
  follow();
};
const follow = () => {
  for (const box of boxes) {
    const head = box.querySelector('thead'), room = box.clientHeight - head.offsetHeight;
    const down = box.classList.contains('wider') ? Math.min(Math.max(bar.offsetHeight - box.getBoundingClientRect().top, 0), room) : 0;
    head.querySelectorAll('th').forEach(th => { th.style.transform = down > 0 ? `translateY(${down}px)` : ''; });
  }
};
addEventListener('resize', settle);
addEventListener('scroll', follow, { passive: true });
new ResizeObserver(settle).observe(bar);
document.querySelectorAll('.dropped button').forEach(button => button.addEventListener('click', () => {
  const all = document.documentElement.classList.toggle('all');
  for (const told of document.querySelectorAll('.dropped')) {
    const [text, turn] = told.children;
    text.dataset.told ??= text.textContent;
    text.textContent = all ? 'Swipe the table sideways: it is wider than the screen.' : text.dataset.told;
    turn.textContent = all ? 'fewer columns' : 'all columns';
  }
  settle();
}));
settle();

const copy = async (text, button) => {
  try { await navigator.clipboard.writeText(text); }
  catch {
    const area = document.createElement('textarea');
    area.value = text; document.body.append(area); area.select(); document.execCommand('copy'); area.remove();
  }
  button.textContent = 'copied';
  setTimeout(() => { button.textContent = button.dataset.name; }, 1200);
};

// All rows of a table, or the best again.
const whole = (part, all = true) => {
  const box = part.querySelector('.scroll'), more = part.querySelector('.more');
  if (!more) return;
  box.classList.toggle('short', !all);
  more.dataset.all ??= more.textContent;
  more.textContent = all ? 'the best rows only' : more.dataset.all;
  more.setAttribute('aria-expanded', String(all));
  settle();
};
plain('.more', more => whole(more.closest('section'), more.getAttribute('aria-expanded') !== 'true'));

// The whole row opens, unless the reader marks its text; the button in it is for the keyboard.
plain('tr[data-row]', (row, event) => {
  if (!event.target.closest('button') && !String(getSelection())) row.querySelector('.open').click();
});

document.querySelectorAll('.open').forEach(opener => opener.addEventListener('click', () => {
  const row = opener.closest('tr'), open = opener.getAttribute('aria-expanded') === 'true';
  opener.setAttribute('aria-expanded', String(!open));
  if (open) { row.nextElementSibling?.classList.contains('grid') && row.nextElementSibling.remove(); return; }
  const detail = document.createElement('tr'), cell = detail.insertCell(), grid = grids[row.dataset.row];
  detail.className = 'grid'; cell.colSpan = row.cells.length;
  const text = document.createElement('pre'), place = document.createElement('p');
  text.textContent = (grid.times ?? grid.sigmas).join(', ');
  place.className = 'soft';
  place.textContent = row.dataset.places ? `Offered by name: ${row.dataset.places}.`
    : row.dataset.kind === 'optimized' ? '' : 'No program offers it by name: it goes in as numbers.';
  cell.append(text, place);
  if (grid.said) {
    const said = document.createElement('p');
    said.className = 'said';
    said.textContent = grid.said;
    cell.append(said);
  }
  const fitting = forms[row.dataset.solver].filter(form => form.design || !row.dataset.design);
  const told = fitting.map(form => {
    let numbers = form.numbers === 'levels' && grid.times ? grid.times : grid.sigmas;
    if (form.inner) numbers = numbers.filter(v => v !== '0');
    let list = numbers.join(', '), tail = form.tail;
    if (form.numbers === 'sigmas') {
      list = list.replace(/\binf\b/, 'null');
      if (grid.eta) tail = tail.replace(']', `], "eta": [${grid.eta.join(', ')}]`);
    }
    return [form.label, form.lead.replace('{steps}', row.dataset.steps) + list + tail];
  });
  told.push([`plain text: a ${grid.times ? 'time s' : 'sigma'} a line`, (grid.times ?? grid.sigmas).join('\n') + '\n']);
  if (grid.times) told.push(['plain text: noise ratios sigma', grid.sigmas.join(', ')]);
  if (grid.eta) told.push(['plain text: eta of each step', grid.eta.join(', ')]);
  cell.append('Copy ');
  for (const [name, value] of told) {
    const button = document.createElement('button');
    button.textContent = button.dataset.name = name;
    button.addEventListener('click', () => copy(value, button));
    cell.append(button, ' ');
  }
  row.after(detail);
}));

// The button says what it does: the theme that a click turns to.
const theme = document.getElementById('theme'), system = matchMedia('(prefers-color-scheme: dark)');
const dark = () => document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : system.matches;
const tell = () => { theme.textContent = dark() ? 'Switch to light' : 'Switch to dark'; };
theme.addEventListener('click', () => { document.documentElement.dataset.theme = dark() ? 'light' : 'dark'; tell(); });
system.addEventListener('change', tell);
theme.hidden = false;
tell();
