-- :checkhealth engramd
local M = {}

-- The reporting functions were renamed in 0.10.
local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local warn = health.warn or health.report_warn
local fail = health.error or health.report_error
local info = health.info or health.report_info

function M.check()
  local engramd = require('engramd')
  start('engramd')
  local cmd, problem = engramd.command()
  if not cmd then
    fail(problem, { "install engramd, or require('engramd').setup({ cmd = { '/path/to/engramd', 'lsp' } })" })
    return
  end
  local version = vim.fn.system({ cmd[1], '--version' })
  if vim.v.shell_error ~= 0 then
    fail(("'%s --version' ended with status %d: %s"):format(cmd[1], vim.v.shell_error, version))
    return
  end
  ok(vim.trim(version) .. ' at ' .. vim.fn.exepath(cmd[1]))
  if not engramd.options then warn('not set up yet: it starts with the first file of a known type') end
  local clients = engramd.clients()
  info(('%d client(s) attached'):format(#clients))
  for _, client in ipairs(clients) do
    info(('client %d: positions in %s'):format(client.id, client.offset_encoding or 'utf-16'))
  end
  if vim.lsp.inline_completion then
    ok("inline completion is Neovim's own")
  else
    ok('inline completion is shown by this plugin')
  end
  local doctor = vim.fn.systemlist({ cmd[1], 'doctor' })
  start('engramd doctor')
  for _, line in ipairs(doctor) do info(line) end
end

return M
