-- Work for the agent: one run at a time for each project, with progress in the command line, a way to cancel it, and a review of
-- what it proposes.
local M = {}

local runs = {}   -- by progress token: { client_id, request_id, root, title }
local next_token = 1

local function say(text, level) vim.notify('engramd: ' .. text, level or vim.log.levels.INFO) end

local function root_of(client)
  local root = client.config.root_dir
  return type(root) == 'string' and root or client.root_dir or vim.fn.getcwd()
end

-- $/progress of a run; false when it belongs to something else.
function M.on_progress(params)
  local run = type(params) == 'table' and runs[params.token]
  if not run then return false end
  local value = params.value or {}
  local text = value.message or value.title
  if value.kind ~= 'end' and type(text) == 'string' then
    local percentage = type(value.percentage) == 'number' and (' %d %%'):format(value.percentage) or ''
    -- Without a line in :messages, and never long enough for a prompt.
    vim.api.nvim_echo({ { (('engramd: %s%s'):format(text, percentage):gsub('\n.*', '')):sub(1, math.max(20, vim.o.columns - 12)) } }, false, {})
  end
  return true
end

local function answered(run, problem, answer)
  if problem then
    if problem.code == -32800 then return say('cancelled') end
    return say(problem.message or vim.inspect(problem), vim.log.levels.ERROR)
  end
  if type(answer) ~= 'table' then return say('no answer', vim.log.levels.ERROR) end
  local patch = type(answer.patch) == 'string' and answer.patch or ''
  if patch == '' then
    if answer.fixed then return say('the tests are green already') end
    return say('found no fix', vim.log.levels.WARN)
  end
  local ok, why = require('engramd.review').begin(run.title, run.root, patch)
  if ok then
    return say((answer.fixed and 'with this the tests are green' or 'the tests are not green with this')
      .. '; `do` takes a hunk, `:Engram review accept` the file')
  end
  say('the patch does not fit: ' .. why, vim.log.levels.WARN)
  vim.cmd('botright new')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(patch, '\n', { plain = true }))
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype, vim.bo.modified = 'nofile', 'wipe', 'diff', false
end

-- options: test (a command; empty: engramd looks for it), task (text of an issue).
function M.start(options)
  local engramd = require('engramd')
  local client = engramd.clients({ bufnr = vim.api.nvim_get_current_buf() })[1] or engramd.clients()[1]
  if not client then return say('is not attached here; see :checkhealth engramd', vim.log.levels.WARN) end
  local root = root_of(client)
  for _, run in pairs(runs) do
    if run.root == root then return say('works here already; :Engram cancel ends it', vim.log.levels.WARN) end
  end
  local argument = { repo = vim.uri_from_fname(root) }
  if options.test and options.test ~= '' then argument.test = options.test end
  if options.task and options.task ~= '' then argument.task = options.task end
  local token = ('engramd.nvim.%d'):format(next_token)
  next_token = next_token + 1
  local run = { client_id = client.id, root = root, title = options.task or 'fix failing tests' }
  -- What the agent copies is what is on disk.
  vim.cmd('silent! wall')
  runs[token] = run
  run.request_id = engramd.request(client, 'workspace/executeCommand', {
    command = 'engramd.fix', arguments = { argument }, workDoneToken = token,
  }, function(problem, answer)
    runs[token] = nil
    answered(run, problem, answer)
  end, 0)
  if not run.request_id then
    runs[token] = nil
    return say('the request could not be sent; :Engram restart', vim.log.levels.ERROR)
  end
  say('working on ' .. vim.fn.fnamemodify(root, ':~') .. '; :Engram cancel ends it')
end

function M.cancel()
  local any = false
  for _, run in pairs(runs) do
    local client = vim.lsp.get_client_by_id(run.client_id)
    if client and run.request_id then
      require('engramd').cancel(client, run.request_id)
      any = true
    end
  end
  if not any then say('nothing runs') end
end

-- A server that went away answers no more.
function M.client_gone(client_id)
  for token, run in pairs(runs) do
    if run.client_id == client_id then runs[token] = nil end
  end
end

return M
