// extension.js: starts `camp lsp` for the files of the workspace. Everything that is known of the language is known there.
'use strict';
const { workspace } = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

exports.activate = function () {
  const command = workspace.getConfiguration('camp').get('path');
  client = new LanguageClient('camp', 'Camp', { command, args: ['lsp'] }, {
    // Templates too: what is wrong in them is told as one types.
    documentSelector: [{ scheme: 'file', language: 'camp' }, { scheme: 'untitled', language: 'camp' }, { scheme: 'file', pattern: '**/*.{html,txt,liquid}' }],
    synchronize: { fileEvents: workspace.createFileSystemWatcher('**/*.{camp,html,txt,liquid}') }
  });
  return client.start();
};

exports.deactivate = function () {
  return client && client.stop();
};
