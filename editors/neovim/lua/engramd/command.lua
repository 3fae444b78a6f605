-- :Engram and its subcommands.
local M = {}

local function say(text, level) vim.notify('engramd: ' .. text, level or vim.log.levels.INFO) end

local function log(argument)
  local file
  if argument == 'lsp' then
    file = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
  else
    local state = vim.env.XDG_STATE_HOME
    if state == nil or state == '' then state = vim.fn.expand('~/.local/state') end
    file = state .. '/engramd/daemon.log'
  end
  if vim.fn.filereadable(file) ~= 1 then return say('there is no log at ' .. file .. ' yet') end
  vim.cmd('botright split ' .. vim.fn.fnameescape(file))
  vim.cmd('setlocal autoread nomodifiable noswapfile | normal! G')
end

local review_verbs = {
  accept = function(review) review.accept() end,
  reject = function(review) review.reject() end,
  next = function(review) review.go(1) end,
  prev = function(review) review.go(-1) end,
  close = function(review) review.close() end,
  ['accept-all'] = function(review) review.decide_all('accepted') end,
  ['reject-all'] = function(review) review.decide_all('rejected') end,
}

local subcommands = {
  fix = { run = function(rest) require('engramd.work').start({ test = rest }) end, complete = 'shellcmd' },
  ask = {
    run = function(rest)
      if rest ~= '' then return require('engramd.work').start({ task = rest }) end
      vim.ui.input({ prompt = 'What is wrong? ' }, function(text)
        if text and text ~= '' then require('engramd.work').start({ task = text }) end
      end)
    end,
  },
  cancel = { run = function() require('engramd.work').cancel() end },
  review = {
    run = function(rest)
      local review = require('engramd.review')
      if rest == '' then return review.open() end
      if not review_verbs[rest] then return say(('review knows %s'):format(table.concat(vim.fn.sort(vim.tbl_keys(review_verbs)), ', ')), vim.log.levels.ERROR) end
      review_verbs[rest](review)
    end,
    complete = function() return vim.fn.sort(vim.tbl_keys(review_verbs)) end,
  },
  status = { run = function() require('engramd').status() end },
  model = { run = function(rest) require('engramd').choose_model(rest) end, complete = 'file' },
  log = { run = log, complete = function() return { 'daemon', 'lsp' } end },
  restart = { run = function() require('engramd').restart() end },
}

function M.names() return vim.fn.sort(vim.tbl_keys(subcommands)) end

function M.run(arguments)
  local name, rest = arguments.args:match('^%s*(%S+)%s*(.-)%s*$')
  if not name then return say('one of: ' .. table.concat(M.names(), ', ')) end
  local subcommand = subcommands[name]
  if not subcommand then return say(('there is no :Engram %s; one of: %s'):format(name, table.concat(M.names(), ', ')), vim.log.levels.ERROR) end
  subcommand.run(rest)
end

function M.complete(lead, line)
  local name = line:match('^%s*%S+%s+(%S+)%s')
  if not name then return vim.tbl_filter(function(item) return vim.startswith(item, lead) end, M.names()) end
  local complete = (subcommands[name] or {}).complete
  if type(complete) == 'string' then return vim.fn.getcompletion(lead, complete) end
  return complete and vim.tbl_filter(function(item) return vim.startswith(item, lead) end, complete()) or {}
end

return M
