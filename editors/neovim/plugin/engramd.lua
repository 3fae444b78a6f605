-- The command, and a start without any configuration: the first file of a known type attaches engramd.
-- vim.g.engramd_autostart = false leaves that to require('engramd').setup().
if vim.g.loaded_engramd == 1 or vim.fn.has('nvim-0.7') ~= 1 then return end
vim.g.loaded_engramd = 1

vim.api.nvim_create_user_command('Engram', function(arguments) require('engramd.command').run(arguments) end, {
  nargs = '*',
  complete = function(...) return require('engramd.command').complete(...) end,
  desc = 'engramd: fix, ask, review, status, model, log, restart, cancel',
})

if vim.g.engramd_autostart == false then return end

local function set_up()
  local engramd = require('engramd')
  -- The user's own setup() came first, or chose otherwise meanwhile.
  if engramd.options == nil and vim.g.engramd_autostart ~= false then engramd.setup(vim.g.engramd) end
end

if vim.v.vim_did_enter == 1 then
  set_up()
else
  vim.api.nvim_create_autocmd('VimEnter', { once = true, callback = set_up })
end
