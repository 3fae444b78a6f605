-- engramd for Neovim: attaches `engramd lsp` to the buffers of a project and shows its inline completion.
--
-- Works on Neovim 0.7 and later, each with what it has: vim.lsp.config/enable (0.11), vim.lsp.start (0.8),
-- vim.lsp.start_client (0.7); the built-in inline completion of 0.12, else engramd.ghost.
-- Nothing is needed but the engramd program on PATH. `:help engramd` describes the options.
local M = {}

local defaults = {
  -- The program and its arguments; nil means { 'engramd', 'lsp' } found on PATH, with --model when one is set.
  cmd = nil,
  model = nil,
  filetypes = {
    'python', 'c', 'cpp', 'cuda', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact',
    'go', 'rust', 'java', 'sh', 'bash', 'json',
  },
  -- A folder that holds one of these is the project; without any, the folder of the file.
  root_markers = { '.git', '.engramd.toml', '.hg' },
  inline_completion = {
    enabled = true,
    -- Accepts the suggestion; without one the key does what it did before. false: no mapping.
    accept_key = '<Tab>',
    debounce_ms = 75,
  },
  on_attach = nil,
  capabilities = nil,
}

M.options = nil

local function has(version) return vim.fn.has('nvim-' .. version) == 1 end

local function merge(base, extra) return vim.tbl_deep_extend('force', base, extra or {}) end

-- ---- the program ---------------------------------------------------------------------------------------------------

-- The command line, or nil and a sentence with the remedy.
function M.command()
  local options = M.options or defaults
  local cmd = options.cmd and vim.deepcopy(options.cmd) or { 'engramd', 'lsp' }
  if vim.fn.executable(cmd[1]) ~= 1 then
    return nil, ("engramd: '%s' is not an executable program; install engramd so that it is on PATH, or name it: "
      .. "require('engramd').setup({ cmd = { '/path/to/engramd', 'lsp' } })"):format(cmd[1])
  end
  if options.model and not options.cmd then vim.list_extend(cmd, { '--model', options.model }) end
  return cmd
end

-- ---- clients, whatever the version calls them ----------------------------------------------------------------------

function M.clients(filter)
  local all
  if vim.lsp.get_clients then
    all = vim.lsp.get_clients({ name = 'engramd', bufnr = filter and filter.bufnr })
  elseif filter and filter.bufnr then
    all = vim.tbl_values(vim.lsp.buf_get_clients(filter.bufnr))
  else
    all = vim.lsp.get_active_clients()
  end
  return vim.tbl_filter(function(client) return client.name == 'engramd' end, all)
end

-- Returns the request id, or nil when the client is gone.
function M.request(client, method, params, handler, bufnr)
  local ok, id
  if has('0.11') then
    ok, id = client:request(method, params, handler, bufnr)
  else
    ok, id = client.request(method, params, handler, bufnr)
  end
  return ok and id or nil
end

function M.cancel(client, id)
  if has('0.11') then client:cancel_request(id) else client.cancel_request(id) end
end

local function stop(client)
  if has('0.11') then client:stop() else client.stop() end
end

-- ---- the project ---------------------------------------------------------------------------------------------------

local function root_of(path)
  local folder = vim.fn.fnamemodify(path, ':p:h')
  local current = folder
  -- A path has few components; the bound only guards against a filesystem that never ends.
  for _ = 1, 200 do
    for _, marker in ipairs(M.options.root_markers) do
      if vim.loop.fs_stat(current .. '/' .. marker) then return current end
    end
    local parent = vim.fn.fnamemodify(current, ':h')
    if parent == current then break end
    current = parent
  end
  return folder
end

local function is_candidate(bufnr)
  if not vim.api.nvim_buf_is_valid(bufnr) or vim.bo[bufnr].buftype ~= '' then return false end
  local name = vim.api.nvim_buf_get_name(bufnr)
  return name ~= '' and not name:match('^%w+://') and vim.tbl_contains(M.options.filetypes, vim.bo[bufnr].filetype)
end

-- ---- attaching -----------------------------------------------------------------------------------------------------

local function on_attach(client, bufnr)
  if vim.bo[bufnr].tagfunc == '' and vim.lsp.tagfunc then vim.bo[bufnr].tagfunc = 'v:lua.vim.lsp.tagfunc' end
  local inline = M.options.inline_completion
  if inline.enabled and client.server_capabilities.inlineCompletionProvider then
    require('engramd.ghost').attach(client, bufnr, inline)
  end
  if M.options.on_attach then M.options.on_attach(client, bufnr) end
end

local function client_config(cmd, root)
  local capabilities = merge(vim.lsp.protocol.make_client_capabilities(), {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
  })
  return {
    name = 'engramd',
    cmd = cmd,
    root_dir = root,
    capabilities = merge(capabilities, M.options.capabilities),
    on_attach = on_attach,
  }
end

local complained = false
local function complain(problem)
  if complained then return end
  complained = true
  vim.notify(problem, vim.log.levels.WARN)
end

-- One client per project on 0.7, which has no vim.lsp.start. Its list of active clients leaves out those that are
-- still being initialized, so the ids are remembered here.
local started = {}
local function start_client_once(config)
  local client = started[config.root_dir] and vim.lsp.get_client_by_id(started[config.root_dir])
  if client and not client.is_stopped() then return client.id end
  started[config.root_dir] = vim.lsp.start_client(config)
  return started[config.root_dir]
end

function M.attach(bufnr)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  if not is_candidate(bufnr) then return end
  local cmd, problem = M.command()
  if not cmd then return complain(problem) end
  local config = client_config(cmd, root_of(vim.api.nvim_buf_get_name(bufnr)))
  if vim.lsp.start then
    -- The versions differ in what they compare by default.
    local function same_project(client, wanted)
      return client.name == wanted.name and client.config.root_dir == wanted.root_dir
    end
    vim.api.nvim_buf_call(bufnr, function() vim.lsp.start(config, { reuse_client = same_project }) end)
    return
  end
  local id = start_client_once(config)
  if id then vim.lsp.buf_attach_client(bufnr, id) end
end

local function attach_all()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then M.attach(bufnr) end
  end
end

-- Neovim 0.11 keeps the configuration itself, and other plugins and :checkhealth vim.lsp see it.
local function enable_built_in()
  local cmd, problem = M.command()
  if not cmd then return complain(problem) end
  local config = client_config(cmd, nil)
  config.name = nil
  config.filetypes = M.options.filetypes
  config.root_dir = function(bufnr, on_dir)
    if is_candidate(bufnr) then on_dir(root_of(vim.api.nvim_buf_get_name(bufnr))) end
  end
  vim.lsp.config('engramd', config)
  vim.lsp.enable('engramd')
end

function M.setup(options)
  M.options = merge(defaults, options)
  if options and options.filetypes then M.options.filetypes = options.filetypes end
  complained = false
  if vim.lsp.config and vim.lsp.enable then return enable_built_in() end
  local group = vim.api.nvim_create_augroup('engramd', { clear = true })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = M.options.filetypes,
    callback = function(event) M.attach(event.buf) end,
  })
  attach_all()
end

-- ---- commands ------------------------------------------------------------------------------------------------------

-- For a patch that was not applied: a scratch buffer to read or write to a file.
local function show_patch(patch)
  vim.cmd('botright new')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(patch, '\n', { plain = true }))
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype, vim.bo.modified = 'nofile', 'wipe', 'diff', false
end

-- Runs the agent on the current project. The server offers the edit with workspace/applyEdit; it stays unsaved in
-- the buffers, to be looked at, written or undone.
function M.fix(test_command)
  local client = M.clients({ bufnr = vim.api.nvim_get_current_buf() })[1] or M.clients()[1]
  if not client then return vim.notify('engramd is not attached; see :checkhealth engramd', vim.log.levels.WARN) end
  local root = type(client.config.root_dir) == 'string' and client.config.root_dir or client.root_dir or vim.fn.getcwd()
  local argument = { repo = vim.uri_from_fname(root), apply = true }
  if test_command and test_command ~= '' then argument.test = test_command end
  vim.cmd('silent! wall')
  vim.notify('engramd: working on the tests of ' .. vim.fn.fnamemodify(root, ':~'), vim.log.levels.INFO)
  M.request(client, 'workspace/executeCommand', { command = 'engramd.fix', arguments = { argument } }, function(problem, answer)
    if problem then return vim.notify('engramd: ' .. (problem.message or vim.inspect(problem)), vim.log.levels.ERROR) end
    if type(answer) ~= 'table' then return vim.notify('engramd: no answer', vim.log.levels.ERROR) end
    if answer.fixed and answer.applied then
      return vim.notify('engramd: with this edit the tests are green; write it or undo it', vim.log.levels.INFO)
    end
    local reason = type(answer.failureReason) == 'string' and ('; not applied: ' .. answer.failureReason) or ''
    vim.notify((answer.fixed and 'engramd found a fix' or 'engramd found no fix') .. reason, vim.log.levels.WARN)
    if type(answer.patch) == 'string' and answer.patch ~= '' then show_patch(answer.patch) end
  end, 0)
end

function M.status()
  local cmd, problem = M.command()
  if not cmd then return vim.notify(problem, vim.log.levels.ERROR) end
  local lines = {}
  local function collect(_, data) vim.list_extend(lines, data or {}) end
  vim.fn.jobstart({ cmd[1], 'status' }, {
    stdout_buffered = true,
    stderr_buffered = true,
    on_stdout = collect,
    on_stderr = collect,
    on_exit = function()
      local attached = vim.tbl_map(function(client) return client.config.root_dir end, M.clients())
      table.insert(lines, ('attached clients of this Neovim: %d'):format(#attached))
      lines = vim.tbl_filter(function(line) return line ~= '' end, lines)
      vim.notify(table.concat(lines, '\n'), vim.log.levels.INFO)
    end,
  })
end

function M.restart()
  local clients = M.clients()
  for _, client in ipairs(clients) do stop(client) end
  local function attach_again()
    if vim.lsp.config and vim.lsp.enable then
      enable_built_in()
      -- enable() attaches on FileType; buffers that are open already have had theirs.
      for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
        if vim.api.nvim_buf_is_loaded(bufnr) and is_candidate(bufnr) then
          vim.api.nvim_exec_autocmds('FileType', { group = 'nvim.lsp.enable', buffer = bufnr })
        end
      end
    else
      attach_all()
    end
  end
  -- Attach when the old ones have gone, at most five seconds later.
  local timer, ticks = vim.loop.new_timer(), 0
  timer:start(50, 50, vim.schedule_wrap(function()
    ticks = ticks + 1
    if timer:is_closing() or (#M.clients() > 0 and ticks < 100) then return end
    timer:close()
    for _, client in ipairs(M.clients()) do vim.lsp.stop_client(client.id, true) end
    attach_again()
  end))
end

return M
