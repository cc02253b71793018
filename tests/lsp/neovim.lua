-- neovim.lua: neovim 0.7, headless: its own client of the protocol against the real server.
local camp, folder = vim.env.CAMP, vim.env.FOLDER
local function tell(ok, name, why)
  io.stdout:write(vim.fn.json_encode({ ok = ok and true or false, name = name, why = ok and '' or vim.inspect(why) }) .. '\n')
end
local function main()
  vim.fn.mkdir(folder, 'p')
  local file = folder .. '/a.camp'
  local text = {
    'clinic "Elm" { timezone: "America/New_York"  from_email: "hi@elm.example"  address: "1 Elm St" }',
    'patient { phone: phone  first_name: text }', 'event go { n: integer }', 'campaign c "C" {', '  trigger event go', '  transactional',
    '  send automatically', '  workflow { sms hello "Hi {{ patient.first_name | default: \'you\' }}" }', '}' }
  vim.fn.writefile(text, file)
  vim.cmd('edit ' .. file)
  local id = vim.lsp.start_client({ name = 'camp', cmd = { camp, 'lsp' }, root_dir = folder })
  tell(id ~= nil, 'starts the server', id)
  vim.lsp.buf_attach_client(0, id)
  local ready = vim.wait(10000, function() local c = vim.lsp.get_client_by_id(id) return c and c.initialized end, 10)
  tell(ready, 'initializes', '')
  local function ask(method, params)
    local answers, err = vim.lsp.buf_request_sync(0, method, params, 10000)
    return answers and answers[id] and answers[id].result, err or answers
  end
  local function at(line, column)
    vim.api.nvim_win_set_cursor(0, { line, column })
    return vim.lsp.util.make_position_params(0, vim.lsp.get_client_by_id(id).offset_encoding)
  end
  local hover, why = ask('textDocument/hover', at(8, 40))
  tell(hover and hover.contents.value:find('patient.first_name: text', 1, true), 'hover', hover or why)
  local definition = ask('textDocument/definition', at(8, 40))
  tell(definition and definition[1] and definition[1].range.start.line == 1, 'definition', definition)
  local items = ask('textDocument/completion', at(8, 40))
  tell(items and #items.items >= 2, 'completion', items)
  vim.api.nvim_buf_set_lines(0, 4, 5, false, { '  trigger event gone' })
  tell(vim.wait(10000, function() return #vim.diagnostic.get(0) > 0 end, 10), 'diagnostics come as one types', vim.diagnostic.get(0))
  vim.api.nvim_buf_set_lines(0, 4, 5, false, { '  trigger event go' })
  tell(vim.wait(10000, function() return #vim.diagnostic.get(0) == 0 end, 10), 'and go', vim.diagnostic.get(0))
  at(8, 40)
  vim.lsp.buf.rename('given_name')
  tell(vim.wait(10000, function() return vim.fn.getline(2):find('given_name', 1, true) and vim.fn.getline(8):find('given_name', 1, true) end, 10),
    'rename', vim.api.nvim_buf_get_lines(0, 0, -1, false))
  vim.lsp.buf.formatting_sync(nil, 10000)
  tell(vim.fn.getline(5) == 'campaign c "C" {' and vim.fn.getline(8) == '    send     automatically', 'formatting', vim.api.nvim_buf_get_lines(0, 0, -1, false))
  vim.lsp.stop_client(id)
  tell(vim.wait(10000, function() return vim.lsp.client_is_stopped(id) end, 10), 'stops', '')
end
local ok, err = pcall(main)
if not ok then tell(false, 'the session', err) end
vim.cmd(ok and 'qall!' or 'cquit 1')
