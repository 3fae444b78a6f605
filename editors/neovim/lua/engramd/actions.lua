-- What the server's code actions and lenses run when Neovim should do it in its own way: the agent with a review, an
-- explanation in a window.
local M = {}

local function fix(command)
  local argument = (command.arguments or {})[1] or {}
  require('engramd.work').start({ task = argument.task, test = argument.test })
end

local function explain(command)
  local engramd = require('engramd')
  local bufnr = vim.api.nvim_get_current_buf()
  local client = engramd.clients({ bufnr = bufnr })[1]
  if not client then return vim.notify('engramd is not attached here; see :checkhealth engramd', vim.log.levels.WARN) end
  vim.notify('engramd: reading', vim.log.levels.INFO)
  engramd.request(client, 'workspace/executeCommand', { command = command.command, arguments = command.arguments }, function(problem, answer)
    local text = type(answer) == 'table' and answer.text
    if problem or type(text) ~= 'string' then return vim.notify('engramd: ' .. (problem and problem.message or 'no answer'), vim.log.levels.ERROR) end
    vim.cmd('botright new')
    vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(text, '\n', { plain = true }))
    vim.bo.buftype, vim.bo.bufhidden, vim.bo.syntax, vim.bo.modified = 'nofile', 'wipe', 'markdown', false
  end, bufnr)
end

function M.register()
  if not vim.lsp.commands then return end
  vim.lsp.commands['engramd.fix'] = fix
  vim.lsp.commands['engramd.explain'] = explain
end

return M
