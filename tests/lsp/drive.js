// drive.js: an editor for `camp lsp`, made of vscode-jsonrpc. Prints {"ok", "name", "why"} a line for the suite `run`.
// node drive.js CAMP FOLDER
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const url = require('url');
const rpc = require('vscode-jsonrpc/node');

const [camp, folder] = process.argv.slice(2);

function tell(ok, name, why) {
  console.log(JSON.stringify({ ok: !!ok, name, why: ok ? '' : JSON.stringify(why === undefined ? '' : why).slice(0, 2000) }));
}
function same(got, wanted, name) { tell(JSON.stringify(got) === JSON.stringify(wanted), name, { got, wanted }); }
function has(list, wanted, name) { tell(wanted.every(w => list.includes(w)), name, { list, wanted }); }

const SHARED = `clinic "Elm" {
    timezone: "America/New_York"   # where the clinic is
    from_email: "hi@elm.example"
    address: "1 Elm St"
    booking_url: "https://elm.example/book"
}

patient {
    # What friends say.
    first_name: text
    phone: phone
    email: email
    birth_date: date phi
    status: ["active", "inactive"]
}

event visit.completed { kind: text  score: integer }
event patient.registered { source: text }
object thing by id { id: text  due: time }
segment old "Old friends" when patient.status == "active" and did event visit.completed in last 12 months
segment chosen manual
topic care_news "News" opt in
flow remind(what: text) {
    sms reminding "Do not forget: {{ what | default: 'us' }}"
}
`;
const WELCOME = `campaign welcome "Welcome" {
    description "Greets who is new."
    trigger  event patient.registered as registration where registration.source == "web"
    topic    care_news
    send     automatically
    send     between 09:00 and 18:00 on weekdays

    workflow {
        email hello {
            subject: "😀 Hello {{ patient.first_name | default: 'you' }}"
            html: file "hello.html"
        }
        wait for event visit.completed as visit where visit.kind == "first" up to 3 days {
            sms thanks "Thanks for the {{ visit.kind | default: 'visit' }}"
        } else {
            wait until monday 09:00
            if patient.status == "active" and received email hello { do remind("the visit") }
        }
    }
}

test "greets" for welcome {
    given patient { email: "a@example.org"  first_name: "Ana" }
    given subscribed to care_news
    event patient.registered { source: "web" }
    expect entry
}
`;
const HTML = '<p>Dear {{ patient.first_name | default: "friend" }},</p>\n<p>{{ clinic.address }} {{ message.unsubscribe_url }}</p>\n';

const TAGS = `clinic "Elm" { timezone: "America/New_York"  from_email: "hi@elm.example"  address: "1 Elm St" }
patient { email: email  first_name: text  languages: list of text }
campaign c "C" {
    trigger manual
    transactional
    workflow {
        email m { subject: "S"  text: """
            {% assign nick = patient.first_name | default: 'you' %}Hi {{ nick }}!
            {% for tongue in patient.languages %}{{ tongue }} {{ nick }}{% endfor %}
            {%- capture all -%} x {{ nick }} {%- endcapture -%}{{ all }}.
            """ }
    }
}
`;

function write(name, text) {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

class Editor {
  constructor(encodings) { this.encodings = encodings; this.diagnostics = new Map(); this.texts = new Map(); this.versions = new Map(); this.waiting = []; this.shown = []; }

  async start(root) {
    this.process = spawn(camp, ['lsp', '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exited = new Promise(done => this.process.on('exit', (code, signal) => done(signal || code)));
    this.connection = rpc.createMessageConnection(new rpc.StreamMessageReader(this.process.stdout), new rpc.StreamMessageWriter(this.process.stdin));
    this.connection.onNotification('textDocument/publishDiagnostics', p => {
      this.diagnostics.set(p.uri, p);
      this.waiting = this.waiting.filter(w => !w(p));
    });
    this.connection.onNotification('window/showMessage', p => this.shown.push(p.message));
    this.connection.onNotification('window/logMessage', () => {});
    this.connection.listen();
    const capabilities = this.encodings ? { general: { positionEncodings: this.encodings } } : {};
    const answer = await this.request('initialize', { processId: process.pid, rootUri: root && url.pathToFileURL(root).href, capabilities });
    this.notify('initialized', {});
    return answer;
  }
  request(method, params) { return this.connection.sendRequest(method, params); }
  notify(method, params) { return this.connection.sendNotification(method, params); }
  uri(file) { return url.pathToFileURL(file).href; }
  told(file, fits) {
    const uri = this.uri(file);
    return new Promise(done => this.waiting.push(p => { const hit = p.uri === uri && fits(p); if (hit) done(p); return hit; }));
  }
  async open(file, text) {
    text = text === undefined ? fs.readFileSync(file, 'utf8') : text;
    this.texts.set(file, text);
    this.versions.set(file, 1);
    const told = this.told(file, p => p.version === 1);
    this.notify('textDocument/didOpen', { textDocument: { uri: this.uri(file), languageId: 'camp', version: 1, text } });
    return told;
  }
  position(file, needle, plus = 0) {
    const text = this.texts.get(file), at = typeof needle === 'number' ? needle : text.indexOf(needle);
    if (at < 0) throw new Error('no ' + needle);
    const before = text.slice(0, at + plus), line = before.split('\n').length - 1, last = before.slice(before.lastIndexOf('\n') + 1);
    return { line, character: this.encodings ? Buffer.byteLength(last) : last.length };
  }
  place(file, needle, plus) { return { textDocument: { uri: this.uri(file) }, position: this.position(file, needle, plus) }; }
  // Replaces the first `from` by `to`, as an incremental change.
  edit(file, from, to) {
    const text = this.texts.get(file), range = { start: this.position(file, from), end: this.position(file, from, from.length) };
    const version = this.versions.get(file) + 1;
    this.texts.set(file, text.replace(from, () => to));
    this.versions.set(file, version);
    this.notify('textDocument/didChange', { textDocument: { uri: this.uri(file), version }, contentChanges: [{ range, text: to }] });
    return this.told(file, p => p.version === version);
  }
  set(file, text) {
    const version = this.versions.get(file) + 1;
    this.texts.set(file, text);
    this.versions.set(file, version);
    this.notify('textDocument/didChange', { textDocument: { uri: this.uri(file), version }, contentChanges: [{ text }] });
  }
  // What the edits of one file make of its text.
  apply(file, edits) {
    const text = this.texts.get(file), lines = text.split('\n'), offset = p => {
      const before = lines.slice(0, p.line).reduce((n, l) => n + l.length + 1, 0);
      return before + p.character;
    };
    return [...edits].sort((a, b) => offset(b.range.start) - offset(a.range.start))
      .reduce((t, e) => t.slice(0, offset(e.range.start)) + e.newText + t.slice(offset(e.range.end)), text);
  }
  async labels(file, needle, plus) {
    const answer = await this.request('textDocument/completion', this.place(file, needle, plus));
    return answer.items.map(i => i.label);
  }
  async hover(file, needle, plus) {
    const answer = await this.request('textDocument/hover', this.place(file, needle, plus));
    return answer ? answer.contents.value : null;
  }
  async stop() {
    await this.request('shutdown');
    this.notify('exit');
    return this.exited;
  }
}

async function questions(editor, shared, welcome, html) {
  for (const [needle, plus, wanted] of [
    ['patient.first_name', 10, ['patient.first_name: text', 'What friends say.']],
    ['registration.source', 2, ['registration: event patient.registered']],
    ['visit.kind ==', 7, ['visit.completed.kind: text']],
    ['hello {', 1, ['email hello', 'between 09:00 and 18:00 on weekdays', '`care_news`', 'Automatically']],
    ['remind("', 1, ['flow remind(what: text)']],
    ['default: \'you\'', 1, ['default(any!, any!?, allow_false: bool!?) any']],
    ['topic    care_news', 12, ['topic care_news "News" opt in']]]) {
    const text = await editor.hover(welcome, needle, plus);
    tell(text && wanted.every(w => text.includes(w)), 'hover of ' + needle, text);
  }
  const phi = await editor.hover(shared, 'birth_date', 1);
  tell(phi.includes('Protected health information'), 'hover says phi', phi);
  const clinic = await editor.hover(html, 'clinic.address', 8);
  tell(clinic && clinic.includes('clinic.address: "1 Elm St"'), 'hover in a template file', clinic);
  same(await editor.hover(welcome, 'workflow {', 2), null, 'no hover of a word of the language');

  const definition = await editor.request('textDocument/definition', editor.place(html, 'first_name', 2));
  same(definition, [{ uri: editor.uri(shared), range: { start: editor.position(shared, 'first_name: text'), end: editor.position(shared, 'first_name: text', 10) } }],
    'definition, from a template into another file');
  const local = await editor.request('textDocument/definition', editor.place(welcome, 'visit.kind | default', 2));
  same(local.map(l => l.range.start), [editor.position(welcome, 'visit where')], 'definition of an alias, from inside a text');
  const file = await editor.request('textDocument/definition', editor.place(welcome, 'hello.html', 2));
  same(file.map(l => l.uri), [editor.uri(html)], 'definition of a template is its file');
  const references = await editor.request('textDocument/references', { ...editor.place(shared, 'first_name: text', 1), context: { includeDeclaration: true } });
  const starts = references.map(r => [path.basename(url.fileURLToPath(r.uri)), r.range.start.line, r.range.start.character]);
  const at = (f, needle, plus) => { const p = editor.position(f, needle, plus); return [path.basename(f), p.line, p.character]; };
  same(starts.sort(), [at(shared, 'first_name: text'), at(html, 'first_name'), at(welcome, 'first_name | default'), at(welcome, 'first_name: "Ana"')].sort(),
    'references in campaigns, texts, tests and template files');
  const marks = await editor.request('textDocument/documentHighlight', editor.place(welcome, 'email hello', 8));
  tell(marks.length === 2, 'highlights', marks);

  same(await editor.request('textDocument/prepareRename', editor.place(welcome, 'thanks', 2)),
    { start: editor.position(welcome, 'thanks'), end: editor.position(welcome, 'thanks', 6) }, 'prepareRename');
  const renamed = await editor.request('textDocument/rename', { ...editor.place(welcome, 'first_name', 2), newName: 'given_name' });
  tell(Object.keys(renamed.changes).length === 3 && editor.apply(html, renamed.changes[editor.uri(html)]) === HTML.replace('first_name', 'given_name') &&
    editor.apply(welcome, renamed.changes[editor.uri(welcome)]) === WELCOME.replace(/first_name/g, 'given_name'), 'rename in all files', renamed);
  for (const [needle, plus, name] of [['thanks', 1, 'hello'], ['visit.kind ==', 1, 'registration'], ['thanks', 1, 'two words'], ['thanks', 1, 'exit'], ['default: \'you\'', 1, 'other'], ['workflow', 1, 'w']]) {
    const refused = await editor.request('textDocument/rename', { ...editor.place(welcome, needle, plus), newName: name }).then(() => null, e => e);
    tell(refused && refused.code === -32803, `rename of ${needle} to ${name} is refused`, refused);
  }

  const symbols = await editor.request('textDocument/documentSymbol', { textDocument: { uri: editor.uri(welcome) } });
  same(symbols.map(s => [s.name, s.children.map(c => c.name)]), [['welcome', ['hello', 'thanks']], ['greets', []]], 'document symbols');
  const found = await editor.request('workspace/symbol', { query: 'frst' });
  same(found.map(s => s.name), ['first_name'], 'workspace symbols by letters in their order');

  const tokens = (await editor.request('textDocument/semanticTokens/full', { textDocument: { uri: editor.uri(welcome) } })).data;
  const types = editor.capabilities.semanticTokensProvider.legend.tokenTypes, lines = WELCOME.split('\n'), seen = [];
  for (let i = 0, line = 0, character = 0; i < tokens.length; i += 5) {
    character = tokens[i] ? tokens[i + 1] : character + tokens[i + 1];
    line += tokens[i];
    seen.push([lines[line].slice(character, character + tokens[i + 2]), types[tokens[i + 3]]].join(' '));
  }
  has(seen, ['campaign keyword', 'welcome class', 'patient.registered event', 'registration variable', 'source property', 'care_news type', 'hello method',
    '3 days number', 'first_name property', 'default function', 'remind function', '"😀 Hello {{ patient. string'], 'semantic tokens, also inside texts');
  const folds = await editor.request('textDocument/foldingRange', { textDocument: { uri: editor.uri(welcome) } });
  tell(folds.some(f => f.startLine === 0 && lines[f.endLine + 1] === '}'), 'folding', folds);
  const lenses = await editor.request('textDocument/codeLens', { textDocument: { uri: editor.uri(welcome) } });
  tell(lenses.length === 1 && lenses[0].command.command === 'camp.runTest', 'code lens on a test', lenses);
  const run = await editor.request('workspace/executeCommand', { command: lenses[0].command.command, arguments: lenses[0].command.arguments });
  tell(run.passed && run.output.includes('greets') && editor.shown.includes('passed: greets'), 'run test', run);

  const edits = await editor.request('textDocument/formatting', { textDocument: { uri: editor.uri(shared) }, options: { tabSize: 4, insertSpaces: true } });
  const wanted = require('child_process').execFileSync(camp, ['fmt', '-'], { input: SHARED }).toString();
  same(editor.apply(shared, edits), wanted, 'formatting is that of camp fmt');
  const hints = await editor.request('textDocument/inlayHint', { textDocument: { uri: editor.uri(welcome) }, range: { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } } });
  const shown = hints.map(h => [h.position.line, h.label]);
  tell(shown.some(([line, label]) => /wait until monday/.test(lines[line]) && label === 'at most 7 days'), 'inlay hints: the longest wait', shown);
  tell(shown.some(([line, label]) => lines[line].startsWith('campaign') && /days/.test(label)) &&
    shown.some(([line, label]) => /sms thanks/.test(lines[line]) && /latest .*days/.test(label)), 'inlay hints: longest, most, and when a message can go', shown);
}

async function completions(editor, shared, welcome, html) {
  const before = editor.texts.get(welcome);
  const typed = async (from, to, wanted, name, without = []) => {
    editor.set(welcome, before.replace(from, () => to.replace('¦', '')));
    const text = editor.texts.get(welcome), at = before.indexOf(from) + to.indexOf('¦');
    const got = await editor.labels(welcome, at);
    tell(wanted.every(w => got.includes(w)) && !without.some(w => got.includes(w)), 'completion: ' + name, { wanted, got, text: text.slice(Math.max(0, at - 40), at) });
  };
  await typed('        email hello', '        ¦\n        email hello', ['email', 'sms', 'wait', 'if', 'do'], 'steps', ['campaign', 'trigger']);
  await typed('    topic    care_news', '    ¦\n    topic    care_news', ['trigger', 'goal', 'audience', 'workflow'], 'settings', ['sms']);
  await typed('test "greets"', '¦\ntest "greets"', ['campaign', 'patient', 'test'], 'declarations', ['wait']);
  await typed('trigger  event patient.registered', 'trigger  event ¦', ['patient.registered', 'visit.completed'], 'events');
  await typed('topic    care_news', 'topic    ¦', ['care_news'], 'topics', ['old']);
  await typed('if patient.status', 'if patient.¦', ['first_name', 'birth_date', 'status'], 'attributes');
  await typed('if patient.status == "active"', 'if patient.status == ¦', ['"active"', '"inactive"'], 'values of a one-of');
  await typed('if patient.status == "active"', 'if patient in segment ¦', ['old', 'chosen'], 'segments');
  await typed('where visit.kind == "first"', 'where visit.¦', ['kind', 'score'], 'fields of an alias, in its own broken statement');
  await typed('where registration.source', 'where event.¦', ['source'], 'fields of the event of a trigger');
  await typed('received email hello', 'received email ¦', ['hello', 'thanks'], 'messages');
  await typed('do remind("the visit")', 'do ¦', ['remind'], 'flows');
  await typed('{ visit.kind | default: \'visit\'', '{ visit.¦', ['kind', 'score'], 'fields in a text');
  await typed('{{ visit.kind |', '{{ visit.kind |¦', ['default', 'upcase', 'date'], 'filters in a text');
  await typed('{{ visit.kind', '{{ ¦', ['patient', 'clinic', 'visit', 'registration'], 'names in a text', ['email']);
  await typed('{{ visit.kind', '{% ¦%}{{ visit.kind', ['if', 'for', 'assign'], 'tags', ['patient']);
  await typed('Thanks for', 'Thanks ¦for', [], 'nothing in plain text', ['patient', 'email']);
  await typed('    expect entry', '    ¦\n    expect entry', ['given', 'expect', 'after'], 'statements of a test', ['wait']);
  await typed('given patient { email', 'given patient { ¦email', ['first_name', 'phone'], 'attributes in given patient');
  await typed('event patient.registered { source', 'event patient.registered { ¦source', ['source'], 'fields of an event in a test', ['phone']);
  await typed('for welcome {', 'for ¦ {', ['welcome'], 'campaigns');
  await typed('            subject:', '            ¦\n            subject:', ['subject:', 'send', 'allow'], 'what a message says');
  await typed('wait for', 'wait ¦for', ['until', 'for'], 'after wait');
  await typed('campaign welcome', 'use ¦\ncampaign welcome', ['healthcare'], 'modules');
  editor.set(welcome, before);
  has(await editor.labels(html, 'first_name', 0), ['first_name', 'status'], 'completion: in a template file');
  has(await editor.labels(html, '| default', 2), ['default', 'upcase'], 'completion: filters in a template file');
}

async function diagnostics(editor, welcome, html) {
  let told = await editor.edit(welcome, 'status == "active"', 'statsu == "active"');
  same(told.diagnostics.map(d => [d.code, d.range.start, d.severity]), [['C0201', editor.position(welcome, 'patient.statsu', 0), 1]].map(x => [told.diagnostics[0] && told.diagnostics[0].code, told.diagnostics[0] && told.diagnostics[0].range.start, 1]),
    'a mistake is told as one types');
  tell(told.diagnostics.length === 1 && /did you mean `status`/.test(told.diagnostics[0].message), 'with its help', told.diagnostics);
  let actions = await editor.request('textDocument/codeAction', { textDocument: { uri: editor.uri(welcome) }, range: told.diagnostics[0].range, context: { diagnostics: told.diagnostics } });
  const fix = actions.find(a => a.title === 'write `status`');
  tell(fix && editor.apply(welcome, fix.edit.changes[editor.uri(welcome)]) === WELCOME, 'code action: did you mean', actions);
  told = await editor.edit(welcome, 'statsu', 'status');
  same(told.diagnostics, [], 'and taken back');
  for (const [right, wrong, mended] of [['wait until monday 09:00', 'wait until 2026-3-2 09:00', 'wait until 2026-03-02 09:00'],
    ['wait until monday 09:00', 'wait until now - 2 days', 'wait until now - 2 days else { exit "too late" }'], ['status == "active"', 'status = "active"'], ['status == "active"', 'status is "active"'], ['3 days', '3days'], ['09:00', '9am']]) {
    told = await editor.edit(welcome, right, wrong);
    const found = told.diagnostics.find(d => d.severity === 1);
    actions = found ? await editor.request('textDocument/codeAction', { textDocument: { uri: editor.uri(welcome) }, range: found.range, context: { diagnostics: [found] } }) : [];
    const action = actions.find(a => a.isPreferred);
    tell(action && editor.apply(welcome, action.edit.changes[editor.uri(welcome)]) === WELCOME.replace(right, mended || right), 'code action: ' + wrong, { actions, told });
    await editor.edit(welcome, wrong, right);
  }
  const unicode = await editor.edit(welcome, 'patient.first_name |', 'patient.given |');
  const shown = unicode.diagnostics.find(d => d.severity === 1);
  tell(shown && shown.range.start.character <= editor.position(welcome, 'given |').character && shown.range.end.character === editor.position(welcome, 'given', 5).character,
    'columns behind an emoji', unicode.diagnostics);
  await editor.edit(welcome, 'patient.given |', 'patient.first_name |');
  const inFile = editor.told(html, p => p.diagnostics.length > 0);
  editor.edit(html, 'first_name', 'last_nam');
  const wrong = (await inFile).diagnostics[0];
  same(wrong.range.start.line, 0, 'a mistake in a template file is told there, unsaved');
  const clean = editor.told(html, p => p.diagnostics.length === 0);
  editor.edit(html, 'last_nam', 'first_name');
  await clean;
  tell(true, 'and taken back when it is mended');
  const unused = await editor.edit(welcome, 'sms thanks', 'let nothing = 1\n            sms thanks');
  const warning = unused.diagnostics.find(d => d.severity === 2);
  actions = warning ? await editor.request('textDocument/codeAction', { textDocument: { uri: editor.uri(welcome) }, range: warning.range, context: { diagnostics: [warning] } }) : [];
  const allow = actions.find(a => /^allow C/.test(a.title));
  if (allow) {
    editor.set(welcome, editor.apply(welcome, allow.edit.changes[editor.uri(welcome)]));
    const after = await editor.told(welcome, p => p.version === editor.versions.get(welcome));
    tell(!after.diagnostics.some(d => d.code === warning.code), 'code action: allow a warning here', after.diagnostics);
  } else {
    tell(false, 'code action: allow a warning here', { unused, actions });
  }
  editor.set(welcome, WELCOME);
  await editor.told(welcome, p => p.version === editor.versions.get(welcome));
}

// A declaration of the standard library is in a file that is made for it.
async function library(editor, file) {
  for (const [needle, plus, text] of [['patient.phone is', 10, 'phone:'], ['patient.registered as', 10, 'patient.registered']]) {
    const found = await editor.request('textDocument/definition', editor.place(file, needle, plus));
    const module = found.length && url.fileURLToPath(found[0].uri), at = found.length && found[0].range.start;
    const shown = module ? fs.readFileSync(module, 'utf8').split('\n')[at.line].slice(at.character) : '';
    // What the project declares itself is there, too.
    tell(needle.startsWith('patient.registered') ? found[0].uri === editor.uri(file) : shown.startsWith(text) && module.endsWith('/healthcare.camp') &&
      (fs.statSync(module).mode & 0o222) === 0, 'definition in the standard library: ' + needle, [found, shown]);
  }
  const use = await editor.request('textDocument/definition', editor.place(file, 'use healthcare', 6));
  tell(use.length === 1 && use[0].uri.endsWith('/healthcare.camp'), 'definition of a module', use);
  const opened = url.fileURLToPath(use[0].uri);
  same((await editor.open(opened)).diagnostics, [], 'a module that is opened has nothing to tell');
  const hover = await editor.hover(opened, 'first_name', 2);
  tell(hover && hover.includes('first_name'), 'and answers', hover);
}

async function broken(editor, welcome) {
  let answered = 0;
  for (let end = 0; end <= WELCOME.length; end += 23) {
    editor.set(welcome, WELCOME.slice(0, end));
    const at = { textDocument: { uri: editor.uri(welcome) }, position: editor.position(welcome, end) };
    const answers = await Promise.all([editor.request('textDocument/completion', at), editor.request('textDocument/hover', at),
      editor.request('textDocument/documentSymbol', at), editor.request('textDocument/semanticTokens/full', at), editor.request('textDocument/foldingRange', at)]);
    answered += answers.length;
  }
  tell(true, `a file that is being written: ${answered} answers`);
  editor.set(welcome, WELCOME.replace('if patient.status == "active" and', 'if and and (') .replace('wait for event', 'wait wait event'));
  const symbols = await editor.request('textDocument/documentSymbol', { textDocument: { uri: editor.uri(welcome) } });
  same(symbols.map(s => [s.name, s.children.map(c => c.name)]), [['welcome', ['hello']], ['greets', []]], 'the rest of a broken file is still known');
  editor.set(welcome, WELCOME);
}

async function main() {
  const project = path.join(folder, 'project');
  const shared = write('project/shared.camp', SHARED), welcome = write('project/sub/welcome.camp', WELCOME), html = write('project/sub/hello.html', HTML);
  const editor = new Editor();
  const answer = await editor.start(project);
  editor.capabilities = answer.capabilities;
  same(answer.capabilities.positionEncoding, 'utf-16', 'UTF-16 unless more is offered');
  const twice = await editor.request('initialize', {}).then(() => null, e => e);
  tell(twice && twice.code === -32600, 'initialize twice is refused', twice);
  same((await editor.open(shared)).diagnostics.filter(d => d.severity === 1), [], 'no diagnostics of a good file');
  same((await editor.open(welcome)).diagnostics, [], 'nor of another of its project');
  await editor.open(html);
  await diagnostics(editor, welcome, html);
  await questions(editor, shared, welcome, html);
  await completions(editor, shared, welcome, html);
  await broken(editor, welcome);

  const unknown = await editor.request('textDocument/dance', {}).then(() => null, e => e);
  tell(unknown && unknown.code === -32601, 'an unknown method', unknown);
  const senseless = await editor.request('textDocument/hover', { textDocument: {} }).then(() => null, e => e);
  tell(senseless && senseless.code === -32602, 'params that make no sense', senseless);
  editor.notify('textDocument/whatever', {});
  same(await editor.request('textDocument/hover', { textDocument: { uri: editor.uri(path.join(project, 'nowhere.camp')) }, position: { line: 0, character: 0 } }), null, 'a document that is not there');

  // A document without a file, and names that tags of Liquid give.
  const tags = TAGS, untitled = 'untitled:tags.camp', spot = needle => {
    const before = tags.slice(0, tags.indexOf(needle)), line = before.split('\n').length - 1;
    return { line, character: before.length - before.lastIndexOf('\n') - 1 };
  };
  editor.notify('textDocument/didOpen', { textDocument: { uri: untitled, languageId: 'camp', version: 1, text: tags } });
  for (const [use, declared] of [['nick }}!', 'nick ='], ['tongue }}', 'tongue in'], ['all }}.', 'all -%}']]) {
    const found = await editor.request('textDocument/definition', { textDocument: { uri: untitled }, position: spot(use) });
    same(found.map(l => [l.uri, l.range.start]), [[untitled, spot(declared)]], 'definition of ' + use + ' in a document without a file');
  }
  const after = await editor.request('textDocument/completion', { textDocument: { uri: untitled }, position: spot('all }}.') });
  has(after.items.map(i => i.label), ['nick', 'all', 'patient'], 'completion: names of tags');

  const lone = path.join(project, 'new.camp');
  const told = await editor.open(lone, 'topic news "N" opt maybe\n');
  tell(told.diagnostics.length === 1 && told.diagnostics[0].code === 'C0110', 'a file that was never saved', told);
  editor.notify('textDocument/didClose', { textDocument: { uri: editor.uri(lone) } });
  const seventy = 'flow big() {\n' + Array.from({ length: 120000 }, (_, i) => `    wait ${1 + i % 9} hours`).join('\n') + '\n}\n';
  const began = Date.now();
  const large = path.join(folder, 'large', 'large.camp');
  write('large/large.camp', seventy);
  await editor.open(large);
  await editor.edit(large, '    wait 5 hours', '    wait 6 hours');
  const edits = await editor.request('textDocument/formatting', { textDocument: { uri: editor.uri(large) }, options: {} });
  tell(Date.now() - began < 30000, `120,000 lines: opened, changed and formatted`, Date.now() - began);
  same(edits, [], 'and they were well laid out');
  same(await editor.stop(), 0, 'shutdown and exit: 0');

  const bytes = new Editor(['utf-8', 'utf-16']);
  same((await bytes.start(project)).capabilities.positionEncoding, 'utf-8', 'UTF-8 when it is offered');
  await bytes.open(welcome);
  const hover = await bytes.hover(welcome, 'patient.first_name |', 10);
  tell(hover && hover.includes('first_name'), 'a place behind an emoji, in bytes', hover);
  bytes.notify('exit');
  same(await bytes.exited, 1, 'exit without shutdown: 1');

  // Many programs of one file in a folder, each a project; and one whose parts lie in two folders.
  const one = write('many/one.camp', SHARED), two = write('many/two.camp', SHARED + WELCOME.replace('html: file "hello.html"', 'text: "{{ clinic.address }} {{ message.unsubscribe_url }}"'));
  write('many/parts/a/a.camp', SHARED);
  const part = write('many/parts/b/b.camp', WELCOME.replace('html: file "hello.html"', 'text: "{{ clinic.address }} {{ message.unsubscribe_url }}"'));
  const many = new Editor();
  await many.start(path.join(folder, 'many'));
  same((await many.open(one)).diagnostics.filter(d => d.severity === 1), [], 'a folder of programs: each is a project');
  same((await many.open(two)).diagnostics.filter(d => d.severity === 1), [], 'also the next');
  same((await many.open(part)).diagnostics.filter(d => d.severity === 1), [], 'a project in two folders');
  fs.writeFileSync(path.join(folder, 'many/parts/a/a.camp'), SHARED.replace('first_name', 'other_name'));
  const changed = many.told(part, p => p.diagnostics.length > 0);
  many.notify('workspace/didChangeWatchedFiles', { changes: [] });
  tell((await changed).diagnostics.length > 0, 'a file that changed on disk', 0);
  same(await many.stop(), 0, 'and an end');

  // Templates in templates, and the standard library.
  const card = write('partials/card.liquid', 'Dear {{ patient.first_name | default: "friend" }}, {{ what }} of {{ nick }}, {{ patient.status | default: 1 }}!\n');
  const letter = write('partials/letter.txt', '{% render "card", what: "news", nick: patient.status %} {{ clinic.address }} {{ message.unsubscribe_url }}\n');
  const post = write('partials/post.camp', 'use healthcare\n' + SHARED.replace(/phone: phone\n/, '') + WELCOME.replace('html: file "hello.html"', 'text: file "letter.txt"').replace(
    'patient.status == "active" and', 'patient.phone is known and'));
  const parts = new Editor();
  await parts.start(path.join(folder, 'partials'));
  await parts.open(post);
  await parts.open(card);
  await parts.open(letter);
  const first = await parts.request('textDocument/definition', parts.place(card, 'first_name', 2));
  same(first.map(l => [l.uri, l.range.start]), [[parts.uri(post), parts.position(post, 'first_name: text')]], 'definition from a template in a template');
  const what = await parts.request('textDocument/definition', parts.place(card, 'what', 2));
  same(what.map(l => [l.uri, l.range.start]), [[parts.uri(letter), parts.position(letter, 'what:')]], 'definition of an argument is where it is given');
  const into = await parts.request('textDocument/definition', parts.place(letter, '"card"', 2));
  same(into.map(l => l.uri), [parts.uri(card)], 'definition of a template that is rendered');
  const all = await parts.request('textDocument/rename', { ...parts.place(card, 'status', 2), newName: 'state_now' });
  same(Object.keys(all.changes).sort(), [parts.uri(card), parts.uri(letter), parts.uri(post)].sort(), 'rename in templates of templates');
  has(await parts.labels(card, 'what }}', 0), ['what', 'nick', 'patient'], 'completion in them');
  process.env.XDG_CACHE_HOME && await library(parts, post);
  await parts.stop();

  const alone = new Editor();
  await alone.start(null);
  same((await alone.open(one)).diagnostics.filter(d => d.severity === 1), [], 'without a workspace');
  await alone.stop();
}

main().then(() => process.exit(0), error => { tell(false, 'the session', String(error && error.stack || error)); process.exit(1); });
