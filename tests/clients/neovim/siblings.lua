-- Two language servers on one buffer: which of them answers what. Driven like drive.lua: a second Neovim.
local task = vim.fn.json_decode(vim.env.ENGRAMD_NVIM_TASK)
local child = vim.fn.jobstart({ task.nvim, '--embed', '--headless', '--clean', '-n', '-i', 'NONE' }, { rpc = true, cwd = task.project })
local function lua(code, ...) return vim.rpcrequest(child, 'nvim_exec_lua', code, { ... }) end
local function present(value) return value ~= nil and value ~= vim.NIL and value ~= false end
local function eventually(what, code, ...)
  local arguments, answer = { ... }, nil
  vim.wait(task.timeout_ms, function()
    answer = lua(code, unpack(arguments))
    return present(answer)
  end, 50)
  if not present(answer) then error(what .. ': nothing in time; messages: ' .. lua("return vim.api.nvim_exec('messages', true)")) end
  return answer
end

local seen = {}
local ok, problem = pcall(function()
  lua([[
    local task = ...
    vim.opt.runtimepath:prepend(task.plugin)
    vim.g.engramd = task.options
    vim.cmd('runtime plugin/engramd.lua')
    vim.cmd('edit ' .. vim.fn.fnameescape(task.file))
    -- Debian's package comes without a parser for markdown, and says so in the middle of a hover.
    if vim.treesitter and not pcall(vim.treesitter.language.inspect, 'markdown') then vim.treesitter.start = function() end end
    -- Names of the clients that answer with something.
    _G.who = function(method)
      local position = vim.lsp.util.make_position_params(0, 'utf-16')
      local params = { textDocument = position.textDocument }
      if method == 'workspace/symbol' then params = { query = task.symbol }
      elseif method ~= 'textDocument/documentSymbol' then params.position = position.position end
      if method == 'textDocument/references' then params.context = { includeDeclaration = true } end
      local names = {}
      for id, answer in pairs(vim.lsp.buf_request_sync(0, method, params, 5000) or {}) do
        local result = answer.result
        local client = vim.lsp.get_client_by_id(id)
        if client and type(result) == 'table' and next(result) ~= nil then table.insert(names, client.name) end
      end
      table.sort(names)
      return names
    end
    _G.all = function()
      local found = {}
      for _, method in ipairs(task.methods) do found[method] = _G.who(method) end
      return found
    end
  ]], task)
  eventually('engramd attached', [[
    local client = require('engramd').clients({ bufnr = 0 })[1] or require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() })[1]
    return client ~= nil and client.initialized ~= false
  ]])
  lua('vim.fn.cursor(...)', task.line, task.column)
  seen.alone = eventually('engramd knows the repository', [[
    local found = _G.all()
    for _, names in pairs(found) do if #names == 0 then return nil end end
    return found
  ]])
  -- As a user's configuration starts it.
  lua([[
    local task = ...
    local config = { name = 'clangd', cmd = { task.clangd, '--background-index' }, root_dir = task.project }
    if vim.lsp.start then vim.lsp.start(config) else vim.lsp.buf_attach_client(0, vim.lsp.start_client(config)) end
  ]], task)
  eventually('clangd answers', "return vim.tbl_contains(_G.who('textDocument/hover'), 'clangd') and vim.tbl_contains(_G.who('workspace/symbol'), 'clangd')")
  -- 0.7 has no event for an attached client: the next look at the buffer tells.
  if vim.fn.has('nvim-0.8') == 0 then lua("vim.cmd('doautocmd CursorHold')") end
  vim.wait(500)
  seen.beside = lua('return _G.all()')
  seen.reported = lua("return require('engramd.siblings').of(vim.api.nvim_get_current_buf())")
  if task.lists then
    lua('vim.lsp.buf.hover()')
    seen.hover = eventually('a hover window', [[
      for _, window in ipairs(vim.api.nvim_list_wins()) do
        if vim.api.nvim_win_get_config(window).relative ~= '' then
          return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
        end
      end
    ]])
    lua('vim.lsp.buf.document_symbol()')
    seen.symbols = eventually('symbols', [[
      local items = vim.fn.getloclist(0)
      if #items == 0 then items = vim.fn.getqflist() end
      if #items == 0 then return nil end
      vim.cmd('silent! lclose | silent! cclose')
      return vim.tbl_map(function(item) return item.text end, items)
    ]])
  end
  -- Without it engramd is asked again.
  lua([[
    local task = ...
    vim.cmd('buffer ' .. vim.fn.fnameescape(task.file))
    vim.fn.cursor(task.line, task.column)
    for _, client in pairs(vim.lsp.get_clients and vim.lsp.get_clients({ name = 'clangd' }) or vim.lsp.get_active_clients()) do
      if client.name == 'clangd' then vim.lsp.stop_client(client.id, true) end
    end
  ]], task)
  eventually('clangd is gone', "return not vim.tbl_contains(_G.who('textDocument/hover'), 'clangd')")
  vim.wait(300)
  if vim.fn.has('nvim-0.8') == 0 then lua("vim.cmd('doautocmd CursorHold')") end
  vim.wait(300)
  seen.after = lua('return _G.all()')
end)
seen.problem = not ok and tostring(problem) or nil
seen.messages = select(2, pcall(lua, "return vim.api.nvim_exec('messages', true)"))
pcall(vim.rpcnotify, child, 'nvim_command', 'qall!')
vim.fn.jobwait({ child }, 5000)
vim.fn.writefile({ vim.fn.json_encode(seen) }, task.result)
vim.cmd('qall!')
