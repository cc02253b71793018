// host.js: what Visual Studio Code is to the packed extension, as far as a client of a language server asks for it: one open
// document, a collection of diagnostics, and for all else something that can be called, made and listened to.
// node host.js EXTENSION CAMP FILE      prints the codes of the diagnostics that were shown, or what went wrong
'use strict';
const fs = require('fs');
const Module = require('module');
const path = require('path');
const url = require('url');

const [extension, camp, file] = process.argv.slice(2);
const nothing = { dispose() {} };

class Uri {
  constructor(text) { this.text = text; this.scheme = text.split(':')[0]; this.fsPath = this.scheme === 'file' ? url.fileURLToPath(text) : text; this.path = this.fsPath; }
  toString() { return this.text; }
  static parse(text) { return new Uri(text); }
  static file(name) { return new Uri(url.pathToFileURL(name).href); }
}
class Position { constructor(line, character) { this.line = line; this.character = character; } }
class Range { constructor(a, b, c, d) { this.start = typeof a === 'number' ? new Position(a, b) : a; this.end = typeof a === 'number' ? new Position(c, d) : b; } }
class Diagnostic { constructor(range, message, severity) { this.range = range; this.message = message; this.severity = severity; } }
class CancellationTokenSource { constructor() { this.token = { isCancellationRequested: false, onCancellationRequested: () => nothing }; } cancel() {} dispose() {} }
class EventEmitter { constructor() { this.event = () => nothing; } fire() {} dispose() {} }

// Anything: a class, a function, an enum, an event.
function anything(name) {
  const made = class { dispose() {} };
  return new Proxy(made, {
    get: (target, key) => key in target ? target[key] : typeof key === 'symbol' ? undefined : anything(name + '.' + String(key)),
    apply: () => nothing
  });
}
function filled(name, known) {
  return new Proxy(known, { get: (target, key) => key in target ? target[key] : typeof key === 'symbol' || key === 'then' ? undefined : anything(name + '.' + String(key)) });
}

const text = fs.readFileSync(file, 'utf8');
const document = { uri: Uri.file(file), languageId: 'camp', version: 1, isClosed: false, fileName: file, getText: () => text, lineCount: text.split('\n').length };
const vscode = filled('vscode', {
  Uri, Position, Range, Diagnostic, CancellationTokenSource, EventEmitter, version: '1.90.0',
  workspace: filled('workspace', {
    textDocuments: [document], notebookDocuments: [], workspaceFolders: [{ uri: Uri.file(path.dirname(file)), name: 'w', index: 0 }],
    getConfiguration: () => ({ get: (key, other) => key === 'path' ? camp : other, has: () => false }),
    createFileSystemWatcher: () => ({ onDidCreate: () => nothing, onDidChange: () => nothing, onDidDelete: () => nothing, dispose() {} })
  }),
  window: filled('window', {
    visibleTextEditors: [], activeTextEditor: undefined, tabGroups: { all: [], onDidChangeTabs: () => nothing },
    createOutputChannel: () => ({ append(t) { process.stderr.write(t); }, appendLine(t) { process.stderr.write(t + '\n'); }, show() {}, dispose() {}, clear() {} }),
    showErrorMessage: message => { console.log('error ' + message); return Promise.resolve(); }
  }),
  languages: filled('languages', {
    match: selector => [].concat(selector).some(s => s.language === 'camp') ? 10 : 0,
    createDiagnosticCollection: () => ({
      set(uri, list) { console.log('shown ' + path.basename(uri.fsPath) + ' ' + (list || []).map(d => d.code && d.code.value || d.code).join(' ')); done(); },
      clear() {}, delete() {}, dispose() {}, forEach() {}
    })
  }),
  env: filled('env', { language: 'en', appName: 'host' }),
  extensions: filled('extensions', { all: [], getExtension: () => undefined }),
  commands: filled('commands', { registerCommand: name => { console.log('command ' + name); return nothing; }, getCommands: () => Promise.resolve([]) })
});
const load = Module._load;
Module._load = function (name, ...rest) { return name === 'vscode' ? vscode : load.call(this, name, ...rest); };

const entry = JSON.parse(fs.readFileSync(path.join(extension, 'package.json'), 'utf8')).main;
const { activate, deactivate } = require(path.resolve(extension, entry));
const late = setTimeout(() => { console.log('nothing was shown'); process.exit(1); }, 60000);
let over = false;
function done() {
  if (over) return;
  over = true;
  clearTimeout(late);
  setImmediate(() => Promise.resolve(deactivate()).then(() => { console.log('stopped'); process.exit(0); }));
}
Promise.resolve(activate()).then(() => console.log('started'), error => { console.log('failed ' + (error && error.stack)); process.exit(1); });
