// colours.js: lines of campaigns through vscode-textmate: node colours.js GRAMMAR ONIG_WASM <lines on standard input>
// Prints one JSON list a line: [text, scopes behind the first] of each piece.
'use strict';
const fs = require('fs');
const textmate = require('vscode-textmate');
const oniguruma = require('vscode-oniguruma');
const [grammar, wasm] = process.argv.slice(2);

async function main() {
  await oniguruma.loadWASM(fs.readFileSync(wasm).buffer);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({ createOnigScanner: p => new oniguruma.OnigScanner(p), createOnigString: s => new oniguruma.OnigString(s) }),
    loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(grammar, 'utf8'), grammar)
  });
  const camp = await registry.loadGrammar('source.camp');
  let stack = textmate.INITIAL;
  for (const line of fs.readFileSync(0, 'utf8').split('\n')) {
    if (line === '\f') { stack = textmate.INITIAL; console.log('"next"'); continue; }
    const got = camp.tokenizeLine(line, stack);
    stack = got.ruleStack;
    console.log(JSON.stringify(got.tokens.map(t => [line.slice(t.startIndex, t.endIndex), t.scopes.slice(1)])));
  }
}
main();
