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
    'go', 'rust', 'java', 'cs', 'kotlin', 'scala', 'swift', 'zig', 'ruby', 'php', 'lua', 'elixir', 'sh', 'bash',
    'json', 'jsonc', 'yaml', 'toml', 'html', 'css', 'markdown', 'make', 'sql',
  },
  -- A folder that holds one of these is the project; without any, the folder of the file.
  root_markers = { '.git', '.engramd.toml', '.hg' },
  inline_completion = {
    enabled = true,
    -- Accepts the suggestion; without one the key does what it did before. false: no mapping.
    accept_key = '<Tab>',
    accept_word_key = '<C-Right>',
    accept_line_key = '<C-Down>',
    debounce_ms = 75,
  },
  -- When engramd answers about code: 'auto' leaves a buffer's navigation to its other language servers, 'always', 'off';
  -- or a table by language: { ['*'] = 'auto', python = 'always' }.
  navigation = 'auto',
  diagnostics = 'on',
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

function M.notify(client, method, params)
  if has('0.11') then client:notify(method, params) else client.notify(method, params) end
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
  -- 0.7 has no event for it; the buffer is known to the server by now in all versions.
  vim.schedule(function() require('engramd.siblings').tell(bufnr) end)
  if M.options.on_attach then M.options.on_attach(client, bufnr) end
end

-- What the server is told: by initializationOptions, and again when it asks for its section of the configuration.
local function server_settings()
  return { navigation = M.options.navigation, diagnostics = M.options.diagnostics }
end

-- A server that ends by itself is started again, but not for ever.
local MAX_RESTARTS, RESTART_WINDOW_S = 4, 180
local ends = {}
local stopping = {}

local function on_exit(code, signal, client_id)
  vim.schedule(function()
    require('engramd.work').client_gone(client_id)
    if stopping[client_id] or vim.v.exiting ~= vim.NIL or (code == 0 and signal == 0) then
      stopping[client_id] = nil
      return
    end
    local now = os.time()
    table.insert(ends, now)
    while ends[1] and ends[1] < now - RESTART_WINDOW_S do table.remove(ends, 1) end
    if #ends > MAX_RESTARTS then
      return vim.notify(('engramd: ended %d times within three minutes; :Engram log tells why, :Engram restart tries again'):format(#ends), vim.log.levels.ERROR)
    end
    M.attach_open_buffers()
  end)
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
    init_options = server_settings(),
    settings = { engramd = server_settings() },
    handlers = {
      ['$/progress'] = function(problem, params, ...)
        -- 0.7 hands over the parameters second too; a run of ours is shown by us, the index by whatever shows progress.
        if not require('engramd.work').on_progress(params) then vim.lsp.handlers['$/progress'](problem, params, ...) end
      end,
    },
    on_attach = on_attach,
    on_exit = on_exit,
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

local function attach_each()
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

function M.attach_open_buffers()
  if not (vim.lsp.config and vim.lsp.enable) then return attach_each() end
  enable_built_in()
  -- enable() attaches on FileType; buffers that are open already have had theirs.
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and is_candidate(bufnr) then
      vim.api.nvim_exec_autocmds('FileType', { group = 'nvim.lsp.enable', buffer = bufnr })
    end
  end
end

function M.setup(options)
  M.options = merge(defaults, options)
  if options and options.filetypes then M.options.filetypes = options.filetypes end
  complained = false
  require('engramd.siblings').start()
  require('engramd.actions').register()
  if vim.lsp.config and vim.lsp.enable then return enable_built_in() end
  local group = vim.api.nvim_create_augroup('engramd', { clear = true })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    pattern = M.options.filetypes,
    callback = function(event) M.attach(event.buf) end,
  })
  attach_each()
end

-- ---- commands ------------------------------------------------------------------------------------------------------

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

-- Without an argument: which model it is. With one (a GGUF file, a folder, http(s)://host/v1#name): the daemon is started again with it.
function M.choose_model(model)
  local cmd, problem = M.command()
  if not cmd then return vim.notify(problem, vim.log.levels.ERROR) end
  if model == '' then
    return vim.notify('engramd: model: ' .. (M.options.model or "what engramd's own settings say") .. '; :Engram model FILE or ADDRESS#NAME changes it')
  end
  if model:match('^https?://[^/]*@') then
    return vim.notify('engramd: no key in the address; engramd reads it from the environment variable that agent.api_key_env names', vim.log.levels.ERROR)
  end
  M.options.model = model:match('^https?://') and model or vim.fn.fnamemodify(vim.fn.expand(model), ':p')
  -- The resident daemon keeps the model it was started with, and serves other editors too: they attach again by themselves.
  vim.fn.jobstart({ cmd[1], 'stop' }, { on_exit = vim.schedule_wrap(function() M.restart() end) })
end

function M.restart()
  local clients = M.clients()
  for _, client in ipairs(clients) do
    stopping[client.id] = true
    stop(client)
  end
  ends, complained = {}, false
  -- Attach when the old ones have gone, at most five seconds later.
  local timer, ticks = vim.loop.new_timer(), 0
  timer:start(50, 50, vim.schedule_wrap(function()
    ticks = ticks + 1
    if timer:is_closing() or (#M.clients() > 0 and ticks < 100) then return end
    timer:close()
    for _, client in ipairs(M.clients()) do vim.lsp.stop_client(client.id, true) end
    M.attach_open_buffers()
  end))
end

return M
