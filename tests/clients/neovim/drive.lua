-- Drives a second Neovim as a user would: real key strokes, real event loop. Run by the first one with
--   nvim -n -i NONE --headless --clean -S drive.lua </dev/null
-- (0.7 has no -l). Reads ENGRAMD_NVIM_TASK (JSON), writes what it saw to the file named there.
local task = vim.fn.json_decode(vim.env.ENGRAMD_NVIM_TASK)
local seen = { steps = {} }

local child = vim.fn.jobstart({ task.nvim, '--embed', '--headless', '--clean', '-n', '-i', 'NONE' }, {
  rpc = true, cwd = task.project,
})

local function lua(code, ...) return vim.rpcrequest(child, 'nvim_exec_lua', code, { ... }) end
local function keys(text) vim.rpcrequest(child, 'nvim_input', text) end

-- Polls from here, so that the child's own loop runs on. `again` is called every two seconds until the answer is there.
local function eventually_again(again, what, code, ...)
  local arguments, answer, last = { ... }, nil, vim.loop.hrtime()
  local reached = vim.wait(task.timeout_ms, function()
    if again and vim.loop.hrtime() - last > 2e9 then
      last = vim.loop.hrtime()
      again()
    end
    answer = lua(code, unpack(arguments))
    return answer ~= nil and answer ~= vim.NIL and answer ~= false
  end, 20)
  if not reached then
    error(('%s: nothing within %d ms; messages: %s'):format(what, task.timeout_ms, lua("return vim.api.nvim_exec('messages', true)")))
  end
  return answer
end
local function eventually(...) return eventually_again(nil, ...) end

local steps = {
  {
    'start', function()
      lua([[
        local task = ...
        vim.o.hidden = true
        vim.o.columns, vim.o.lines = 120, 40
        vim.opt.runtimepath:prepend(task.plugin)
        if task.options then vim.g.engramd = task.options end
        vim.cmd('runtime plugin/engramd.lua')
        vim.cmd('edit ' .. vim.fn.fnameescape(task.file))
      ]], task)
      return eventually('attached', [[
        local client = require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() })[1]
        if not client or not (client.initialized == nil or client.initialized) then return nil end
        return { encoding = client.offset_encoding, root = client.config.root_dir, version = vim.fn.has('nvim-0.11') == 1 and 11 or 7,
                 inline = client.server_capabilities.inlineCompletionProvider ~= nil }
      ]])
    end,
  },
  {
    'symbols', function()
      lua('vim.lsp.buf.document_symbol()')
      return eventually('document symbols', [[
        local items = vim.fn.getloclist(0)
        if #items == 0 then items = vim.fn.getqflist() end
        if #items == 0 then return nil end
        vim.cmd('silent! lclose | silent! cclose')
        return vim.tbl_map(function(item) return item.text end, items)
      ]])
    end,
  },
  {
    'hover', function()
      lua("vim.fn.setqflist({}) vim.fn.cursor(...)", task.line, task.column)
      local deadline = vim.loop.hrtime() + task.timeout_ms * 1e6
      -- Asked again until the index knows the other file.
      repeat
        lua('vim.lsp.buf.hover()')
        local text
        vim.wait(1000, function()
          text = lua([[
            for _, window in ipairs(vim.api.nvim_list_wins()) do
              if vim.api.nvim_win_get_config(window).relative ~= '' then
                return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
              end
            end
          ]])
          return text ~= nil and text ~= vim.NIL
        end, 20)
        if text ~= nil and text ~= vim.NIL then return text end
      until vim.loop.hrtime() > deadline
      error('no hover window')
    end,
  },
  {
    'references', function()
      lua("vim.fn.cursor(...)", task.line, task.column)
      lua('vim.lsp.buf.references()')
      return eventually('references', [[
        local items = vim.fn.getqflist()
        if #items == 0 then return nil end
        vim.cmd('silent! cclose')
        return vim.tbl_map(function(item)
          return ('%s:%d:%d'):format(vim.fn.fnamemodify(vim.fn.bufname(item.bufnr), ':p'), item.lnum, item.col)
        end, items)
      ]])
    end,
  },
  {
    'definition', function()
      lua("vim.cmd('buffer ' .. vim.fn.fnameescape(...))", task.file)
      lua("vim.fn.cursor(...)", task.line, task.column)
      lua('vim.lsp.buf.definition()')
      return eventually('the jump to the definition', [[
        local task = ...
        local position = vim.api.nvim_win_get_cursor(0)
        local name = vim.api.nvim_buf_get_name(0)
        if name == task.file then return nil end
        return ('%s:%d:%d'):format(name, position[1], position[2] + 1)
      ]], task)
    end,
  },
  {
    'back and CTRL-]', function()
      keys('<C-o>')
      eventually('the way back', "return vim.api.nvim_buf_get_name(0) == (...)", task.file)
      lua("vim.fn.cursor(...)", task.line, task.column)
      keys('<C-]>')
      return eventually('the jump by tag', [[
        local task = ...
        local position = vim.api.nvim_win_get_cursor(0)
        local name = vim.api.nvim_buf_get_name(0)
        if name == task.file then return nil end
        return ('%s:%d:%d'):format(name, position[1], position[2] + 1)
      ]], task)
    end,
  },
  {
    'accept key without a suggestion', function()
      lua("vim.cmd('buffer ' .. vim.fn.fnameescape(...))", task.file)
      lua("vim.cmd('normal! Go') vim.bo.expandtab = false")
      keys('A<Tab>x<Esc>')
      local line = eventually('the typed line', "local line = vim.api.nvim_get_current_line() return line:match('x$') and line or nil")
      keys('u')
      return line
    end,
  },
  {
    'ghost text', function()
      lua("vim.cmd('normal! G')")
      keys('o' .. task.typed)
      -- A busy machine may still be learning the repository; who sees nothing types on.
      local function type_last_again() keys('<BS>' .. task.typed:sub(-1)) end
      local shown = eventually_again(type_last_again, 'ghost text', [[
        local ghost = require('engramd.ghost')
        if vim.lsp.inline_completion then
          for name, id in pairs(vim.api.nvim_get_namespaces()) do
            if name:match('inline_completion') then
              local marks = vim.api.nvim_buf_get_extmarks(0, id, 0, -1, { details = true })
              if #marks > 0 and marks[1][4].virt_text then
                return table.concat(vim.tbl_map(function(chunk) return chunk[1] end, marks[1][4].virt_text))
              end
            end
          end
          return nil
        end
        return ghost.shown()
      ]])
      local marks = lua("return #vim.api.nvim_buf_get_extmarks(0, vim.api.nvim_get_namespaces()['engramd.ghost'] or -1, 0, -1, {})")
      keys('<Tab>')
      local line = eventually('the accepted line', [[
        local typed = ...
        local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
        for _, line in ipairs(lines) do if #line > #typed and line:sub(1, #typed) == typed then return line end end
      ]], task.typed)
      keys('<Esc>')
      return { shown = shown, line = line, marks = marks }
    end,
  },
  {
    'commands', function()
      return {
        names = lua("return vim.tbl_filter(function(name) return name:match('^Engram') ~= nil end, vim.fn.sort(vim.tbl_keys(vim.api.nvim_get_commands({}))))"),
        all = lua("return vim.fn.getcompletion('Engram ', 'cmdline')"),
        some = lua("return vim.fn.getcompletion('Engram re', 'cmdline')"),
        review = lua("return vim.fn.getcompletion('Engram review acc', 'cmdline')"),
      }
    end,
  },
  {
    'fix and review', function()
      lua("vim.cmd('silent! wall') vim.cmd('edit ' .. vim.fn.fnameescape(...))", task.red)
      eventually('attached', "return #require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() }) > 0")
      local before = lua("return vim.api.nvim_buf_get_lines(0, 0, -1, false)")
      lua("vim.cmd('Engram fix ' .. (...))", task.test_command)
      -- A tab page with the file and the proposal, both in diff mode.
      local shown = eventually('the review', [[
        local windows = vim.api.nvim_tabpage_list_wins(0)
        if #vim.api.nvim_list_tabpages() ~= 2 or #windows ~= 2 then return nil end
        local found = {}
        for _, window in ipairs(windows) do
          if not vim.wo[window].diff then return nil end
          local bufnr = vim.api.nvim_win_get_buf(window)
          table.insert(found, { name = vim.api.nvim_buf_get_name(bufnr), lines = vim.api.nvim_buf_get_lines(bufnr, 0, -1, false) })
        end
        return found
      ]])
      local disk = vim.fn.readfile(task.red)
      -- One hunk with Vim's own key, then undone, then the file by the command.
      keys('gg]cdo')
      local taken = eventually('the hunk taken by do', "local line = vim.api.nvim_buf_get_lines(0, 2, 3, false)[1] return line and line:match('>=') and line or nil")
      keys('u')
      eventually('the hunk undone', "return not vim.api.nvim_buf_get_lines(0, 2, 3, false)[1]:match('>=')")
      lua("vim.cmd('Engram review accept')")
      local after = eventually('the accepted change', [[
        if #vim.api.nvim_list_tabpages() ~= 1 then return nil end
        local lines = vim.api.nvim_buf_get_lines(vim.fn.bufnr(...), 0, -1, false)
        return lines[3]:match('>=') and lines or nil
      ]], task.red)
      lua("vim.cmd('buffer ' .. vim.fn.fnameescape(...) .. ' | write')", task.red)
      return { before = before, shown = shown, disk = disk, taken = taken, after = after, written = vim.fn.readfile(task.red),
               windows = lua("return #vim.api.nvim_list_wins()"), left = lua("return require('engramd.review').summary()") }
    end,
  },
  {
    'a code action of the server runs the agent with a review', function()
      lua([[
        local task = ...
        vim.cmd('edit ' .. vim.fn.fnameescape(task.red))
        vim.cmd('silent! %s/>= 100/> 100/e | write')
      ]], task)
      lua([[
        local test_command = ...
        vim.lsp.commands['engramd.fix']({ command = 'engramd.fix', arguments = { { task = 'Make the test pass.', apply = 'review', test = test_command } } }, {})
      ]], task.test_command)
      local windows = eventually('the review', "return #vim.api.nvim_list_tabpages() == 2 and #vim.api.nvim_tabpage_list_wins(0) or nil")
      lua("vim.cmd('Engram review reject-all')")
      return { windows = windows, tabs = lua("return #vim.api.nvim_list_tabpages()"), line = lua("return vim.api.nvim_buf_get_lines(vim.fn.bufnr(...), 2, 3, false)[1]", task.red),
               left = lua("return require('engramd.review').summary()") }
    end,
  },
  {
    'a review whose file changed', function()
      return lua([[
        local review = require('engramd.review')
        local root = vim.fn.fnamemodify(..., ':h')
        local good = '--- a/discount.py\n+++ b/discount.py\n@@ -5,1 +5,1 @@\n-    return 0\n+    return None\n'
        local answers = {}
        local function try(patch) local ok, why = review.begin('t', root, patch) table.insert(answers, ok and 'ok' or why) end
        try((good:gsub('return 0', 'return 1')))
        try((good:gsub('discount.py', '../discount.py')))
        try('no patch')
        try('--- a/discount.py\n+++ b/discount.py\n@@ -5,2 +5,1 @@\n-    return 0\n')
        try(good)
        review.reject()
        try('--- /dev/null\n+++ b/new_file.py\n@@ -0,0 +1,2 @@\n+one = 1\n+two = 2\n')
        review.accept()
        table.insert(answers, table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr(root .. '/new_file.py'), 0, -1, false), '|'))
        vim.cmd('silent! bwipeout! ' .. vim.fn.fnameescape(root .. '/new_file.py'))
        return answers
      ]], task.red)
    end,
  },
  {
    'health', function()
      lua("vim.cmd('checkhealth engramd')")
      return lua("return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')")
    end,
  },
  {
    'a server that ends is started again', function()
      lua("vim.cmd('buffer ' .. vim.fn.fnameescape(...))", task.file)
      local old = lua("return require('engramd').clients()[1].id")
      lua("vim.fn.system({ 'engramd', 'stop' })")
      return eventually('a new client', [[
        local old = ...
        local client = require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() })[1]
        return client and client.id ~= old and client.id or nil
      ]], old)
    end,
  },
  {
    'restart', function()
      lua("vim.cmd('buffer ' .. vim.fn.fnameescape(...))", task.file)
      local old = lua("return require('engramd').clients()[1].id")
      lua("vim.cmd('Engram restart')")
      return eventually('a new client', [[
        local old = ...
        local client = require('engramd').clients({ bufnr = vim.api.nvim_get_current_buf() })[1]
        return client and client.id ~= old and client.id or nil
      ]], old)
    end,
  },
}

for _, step in ipairs(steps) do
  local name, body = step[1], step[2]
  if not task.only or vim.tbl_contains(task.only, name) then
    local ok, result = pcall(body)
    table.insert(seen.steps, { name = name, ok = ok, result = ok and result or tostring(result) })
    if not ok and name == 'start' then break end
  end
end
pcall(lua, "pcall(vim.cmd, 'silent! stopinsert')")
seen.messages = select(2, pcall(lua, "return vim.api.nvim_exec('messages', true)"))
-- Leaving stops the clients in an orderly way.
pcall(vim.rpcnotify, child, 'nvim_command', 'qall!')
vim.fn.jobwait({ child }, 10000)
vim.fn.writefile({ vim.fn.json_encode(seen) }, task.result)
vim.cmd('qall!')
