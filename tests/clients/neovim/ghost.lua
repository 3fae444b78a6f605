-- Ghost text, shape by shape, against lib/scripted_server.mjs. Driven like drive.lua: a second Neovim, real key strokes.
local task = vim.fn.json_decode(vim.env.ENGRAMD_NVIM_TASK)
local seen = {}
local child = vim.fn.jobstart({ task.nvim, '--embed', '--headless', '--clean', '-n', '-i', 'NONE' }, { rpc = true })
local function lua(code, ...) return vim.rpcrequest(child, 'nvim_exec_lua', code, { ... }) end
local function keys(text) vim.rpcrequest(child, 'nvim_input', text) end
local function present(value) return value ~= nil and value ~= vim.NIL and value ~= false end
local function eventually(code, ...)
  local arguments, answer = { ... }, nil
  vim.wait(task.timeout_ms, function()
    answer = lua(code, unpack(arguments))
    return present(answer)
  end, 10)
  return present(answer) and answer or nil
end

lua([[
  local task = ...
  vim.opt.runtimepath:prepend(task.plugin)
  vim.o.completeopt = 'menu'
  -- The user's own mapping of the key: it must go on working when there is nothing to accept.
  if task.own_mapping then vim.api.nvim_set_keymap('i', '<Tab>', '<C-R>="[own]"<CR>', { noremap = true }) end
  _G.shown = function()
    if not vim.lsp.inline_completion then return require('engramd.ghost').shown() end
    for name, id in pairs(vim.api.nvim_get_namespaces()) do
      if name:match('inline_completion') then
        local marks = vim.api.nvim_buf_get_extmarks(0, id, 0, -1, { details = true })
        if #marks > 0 then
          local text = {}
          local function add(chunks) table.insert(text, table.concat(vim.tbl_map(function(chunk) return chunk[1] end, chunks or {}))) end
          add(marks[1][4].virt_text)
          for _, chunks in ipairs(marks[1][4].virt_lines or {}) do add(chunks) end
          return table.concat(text, '\n')
        end
      end
    end
  end
  vim.cmd('runtime plugin/engramd.lua')
  require('engramd').setup({ cmd = task.cmd, inline_completion = { debounce_ms = 20 } })
  vim.cmd('edit ' .. vim.fn.fnameescape(task.file))
]], task)
seen.attached = eventually("return #require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() }) > 0")

for _, case in ipairs(task.cases) do
  lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, (...)) vim.fn.cursor(1, 1)", case.buffer or { '' })
  keys((case.start or 'S') .. case.typed)
  local result = { name = case.name }
  if case.shown then
    result.shown = eventually("return _G.shown()")
  else
    -- Long enough for an answer that must not be shown.
    vim.wait(400)
    result.shown = lua("return _G.shown()")
    if not present(result.shown) then result.shown = nil end
  end
  if case.then_typed then
    keys(case.then_typed)
    eventually("return _G.shown() == (...)", case.then_shown)
    result.then_shown = lua("return _G.shown()")
  end
  keys(case.key or '<Tab>')
  vim.wait(150)
  if case.kept then
    -- Shown again by the next answer where Neovim itself shows it.
    eventually("return _G.shown() == (...)", case.kept)
    result.kept = lua("return _G.shown()")
  end
  result.lines = lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)")
  result.cursor = lua("return vim.api.nvim_win_get_cursor(0)")
  keys('<Esc>')
  vim.wait(50)
  result.left = lua("return _G.shown() ~= nil")
  table.insert(seen, result)
end
seen.messages = lua("return vim.api.nvim_exec('messages', true)")
pcall(vim.rpcnotify, child, 'nvim_command', 'qall!')
vim.fn.jobwait({ child }, 5000)
local list = {}
for _, result in ipairs(seen) do table.insert(list, result) end
local built_in = vim.fn.has('nvim-0.12') == 1
vim.fn.writefile({ vim.fn.json_encode({ built_in = built_in, attached = seen.attached, messages = seen.messages, cases = list }) }, task.result)
vim.cmd('qall!')
