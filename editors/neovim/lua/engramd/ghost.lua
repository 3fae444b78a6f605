-- Inline completion (LSP 3.18) as ghost text.
--
-- Neovim 0.12 shows it itself; older ones get the extmarks below. In both, one key accepts it and otherwise does what
-- it did before. At most one request is under way per buffer: a newer keystroke cancels the older question.
local M = {}

local namespace = vim.api.nvim_create_namespace('engramd.ghost')
local built_in = vim.lsp.inline_completion ~= nil
-- Text in the middle of a line moves the rest aside only since 0.10; before, suggestions appear at line ends.
local can_inline = vim.fn.has('nvim-0.10') == 1
local can_virtual_lines = vim.fn.has('nvim-0.6') == 1

-- Per buffer: { client_id, request_id, timer, suggestion }.
local states = {}

local function hide(state, bufnr)
  state.suggestion = nil
  if vim.api.nvim_buf_is_valid(bufnr) then vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1) end
end

-- Column of a position in bytes; positions count in the client's encoding.
local function byte_column(line, character, encoding)
  if encoding == 'utf-8' then return math.min(character, #line) end
  local ok, column = pcall(vim.str_byteindex, line, character, encoding == 'utf-16')
  return ok and column or #line
end

-- What is left to show of an item: the text after what stands between the start of its range and the cursor.
local function remainder(bufnr, item, row, column, encoding)
  local text = type(item.insertText) == 'table' and item.insertText.value or item.insertText
  if type(text) ~= 'string' or text == '' then return nil end
  local line = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
  local from, to = column, column
  if item.range then
    if item.range.start.line ~= row or item.range['end'].line ~= row then return nil end
    from = byte_column(line, item.range.start.character, encoding)
    to = byte_column(line, item.range['end'].character, encoding)
  end
  if from > column or to < column then return nil end
  local typed = line:sub(from + 1, column)
  if text:sub(1, #typed) ~= typed then return nil end
  return { text = text, from = from, to = to, shown = text:sub(#typed + 1), row = row, column = column }
end

local function show(bufnr, suggestion)
  local lines = vim.split(suggestion.shown, '\n', { plain = true })
  local line = vim.api.nvim_buf_get_lines(bufnr, suggestion.row, suggestion.row + 1, false)[1] or ''
  -- What it replaces up to the line's end (a bracket that was closed by itself) is covered by it.
  local at_end = suggestion.to >= #line
  if not at_end and not can_inline then return false end
  local mark = { virt_text = { { lines[1], 'EngramdGhostText' } }, hl_mode = 'combine' }
  mark.virt_text_pos = (can_inline and not at_end) and 'inline' or 'overlay'
  if #lines > 1 and can_virtual_lines then
    mark.virt_lines = {}
    for index = 2, #lines do table.insert(mark.virt_lines, { { lines[index], 'EngramdGhostText' } }) end
  end
  vim.api.nvim_buf_set_extmark(bufnr, namespace, suggestion.row, suggestion.column, mark)
  return true
end

local function ask(bufnr, state, trigger_kind)
  local engramd = require('engramd')
  local client = vim.lsp.get_client_by_id(state.client_id)
  if not client or vim.api.nvim_get_current_buf() ~= bufnr then return end
  if state.request_id then engramd.cancel(client, state.request_id) end
  local encoding = client.offset_encoding or 'utf-16'
  local params = vim.lsp.util.make_position_params(0, encoding)
  params.context = { triggerKind = trigger_kind }
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  local cursor = vim.api.nvim_win_get_cursor(0)
  local id
  id = engramd.request(client, 'textDocument/inlineCompletion', params, function(problem, result)
    if state.request_id == id then state.request_id = nil end
    if problem or type(result) ~= 'table' then return end
    if not vim.api.nvim_buf_is_valid(bufnr) or vim.api.nvim_get_current_buf() ~= bufnr then return end
    if vim.api.nvim_buf_get_changedtick(bufnr) ~= tick or vim.fn.mode():sub(1, 1) ~= 'i' then return end
    local now = vim.api.nvim_win_get_cursor(0)
    if now[1] ~= cursor[1] or now[2] ~= cursor[2] then return end
    hide(state, bufnr)
    for _, item in ipairs(result.items or result) do
      local suggestion = remainder(bufnr, item, cursor[1] - 1, cursor[2], encoding)
      if suggestion and suggestion.shown ~= '' and show(bufnr, suggestion) then
        suggestion.command = item.command
        state.suggestion = suggestion
        return
      end
    end
  end, bufnr)
  state.request_id = id
end

-- Typing what the suggestion says keeps it; anything else removes it and asks again.
local function follow(bufnr, state, options)
  local cursor = vim.api.nvim_win_get_cursor(0)
  local old = state.suggestion
  hide(state, bufnr)
  if old and old.row == cursor[1] - 1 and cursor[2] >= old.column then
    local line = vim.api.nvim_get_current_line()
    local typed = line:sub(old.column + 1, cursor[2])
    if #typed < #old.shown and old.shown:sub(1, #typed) == typed then
      local kept = vim.tbl_extend('force', old, {
        column = cursor[2], shown = old.shown:sub(#typed + 1), to = old.to + #typed,
      })
      if show(bufnr, kept) then
        state.suggestion = kept
        return
      end
    end
  end
  state.timer:stop()
  state.timer:start(options.debounce_ms, 0, vim.schedule_wrap(function()
    if vim.fn.mode():sub(1, 1) == 'i' and states[bufnr] == state then ask(bufnr, state, 2) end
  end))
end

local function end_position(row, column, text)
  local lines = vim.split(text, '\n', { plain = true })
  if #lines == 1 then return { row + 1, column + #text } end
  return { row + #lines, #lines[#lines] }
end

-- The first word of a text with the blanks before it, or its first line: what partial acceptance takes.
local function part_of(text, unit)
  if unit == 'word' then
    return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w%s_]+') or text
  end
  -- A suggestion that begins on the next line: that one.
  return text:match('^\n?[^\n]*')
end

local function run_command(client_id, command, bufnr)
  local client = command and vim.lsp.get_client_by_id(client_id)
  if client then
    require('engramd').request(client, 'workspace/executeCommand', { command = command.command, arguments = command.arguments }, function() end, bufnr)
  end
end

-- Neovim's own inline completion takes all; of a part, the rest comes back with the next answer.
local function accept_built_in(bufnr, unit)
  if not unit then return vim.lsp.inline_completion.get({ bufnr = bufnr }) end
  return vim.lsp.inline_completion.get({
    bufnr = bufnr,
    on_accept = function(item)
      local text = item.insert_text
      if type(text) ~= 'string' then return item end
      local cursor = vim.api.nvim_win_get_cursor(0)
      local typed = 0
      if item.range then
        local row, column = item.range:to_extmark()
        if row == cursor[1] - 1 then typed = math.max(0, cursor[2] - column) end
      end
      item.insert_text = text:sub(1, typed) .. part_of(text:sub(typed + 1), unit)
      if item.insert_text ~= text then item.command = nil end
      return item
    end,
  })
end

-- Inserts the suggestion, or its next 'word' or 'line'; false when there is none.
function M.accept(bufnr, unit)
  bufnr = bufnr or vim.api.nvim_get_current_buf()
  if built_in then return accept_built_in(bufnr, unit) end
  local state = states[bufnr]
  local suggestion = state and state.suggestion
  if not suggestion then return false end
  local part = unit and part_of(suggestion.shown, unit) or suggestion.shown
  local whole = part == suggestion.shown
  if whole then hide(state, bufnr) end
  -- The key may have been pressed in an expression mapping, where the text is locked.
  vim.schedule(function()
    if not whole then
      -- As if it had been typed: what is left stays on show.
      vim.api.nvim_buf_set_text(bufnr, suggestion.row, suggestion.column, suggestion.row, suggestion.column, vim.split(part, '\n', { plain = true }))
      return vim.api.nvim_win_set_cursor(0, end_position(suggestion.row, suggestion.column, part))
    end
    local lines = vim.split(suggestion.text, '\n', { plain = true })
    vim.api.nvim_buf_set_text(bufnr, suggestion.row, suggestion.from, suggestion.row, suggestion.to, lines)
    vim.api.nvim_win_set_cursor(0, end_position(suggestion.row, suggestion.from, suggestion.text))
    run_command(state.client_id, suggestion.command, bufnr)
  end)
  return true
end

-- Asks now, as a key would ("invoked").
function M.trigger()
  local bufnr = vim.api.nvim_get_current_buf()
  local state = states[bufnr]
  if state then ask(bufnr, state, 1) end
end

-- For tests and status lines: the text on show, or nil.
function M.shown(bufnr)
  local state = states[bufnr or vim.api.nvim_get_current_buf()]
  return state and state.suggestion and state.suggestion.shown or nil
end

local function termcodes(keys) return vim.api.nvim_replace_termcodes(keys, true, false, true) end

-- Maps a key in this buffer; without a suggestion the mapping that was there before is used.
local function map_accept(bufnr, key, unit)
  local what = 'engramd: accept ' .. (unit and ('the next %s of '):format(unit) or '') .. 'the suggestion'
  local before = vim.api.nvim_buf_call(bufnr, function() return vim.fn.maparg(key, 'i', false, true) end)
  if before.desc == what then return end
  local function otherwise()
    if before.callback then
      if before.expr == 1 then
        local keys = before.callback() or ''
        return before.replace_keycodes == 1 and termcodes(keys) or keys
      end
      vim.schedule(before.callback)
      return ''
    end
    if before.rhs == nil or before.rhs == '' then return termcodes(key) end
    if before.expr == 1 then
      local keys = vim.api.nvim_eval(before.rhs)
      return before.replace_keycodes == 1 and termcodes(keys) or keys
    end
    return termcodes(before.rhs)
  end
  vim.api.nvim_buf_set_keymap(bufnr, 'i', key, '', {
    callback = function()
      if M.accept(bufnr, unit) then return '' end
      return otherwise()
    end,
    expr = true,
    noremap = before.noremap ~= 0,
    desc = what,
  })
end

function M.attach(client, bufnr, options)
  vim.api.nvim_set_hl(0, 'EngramdGhostText', { link = 'Comment', default = true })
  if options.accept_key then map_accept(bufnr, options.accept_key) end
  if options.accept_word_key then map_accept(bufnr, options.accept_word_key, 'word') end
  if options.accept_line_key then map_accept(bufnr, options.accept_line_key, 'line') end
  if built_in then
    vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
    return
  end
  if states[bufnr] then
    states[bufnr].client_id = client.id
    return
  end
  local state = { client_id = client.id, timer = vim.loop.new_timer() }
  states[bufnr] = state
  local group = vim.api.nvim_create_augroup('engramd.ghost.' .. bufnr, { clear = true })
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on({ 'TextChangedI', 'CursorMovedI', 'InsertEnter' }, function() follow(bufnr, state, options) end)
  on({ 'InsertLeave', 'BufLeave' }, function()
    state.timer:stop()
    hide(state, bufnr)
    local attached = vim.lsp.get_client_by_id(state.client_id)
    if attached and state.request_id then require('engramd').cancel(attached, state.request_id) end
    state.request_id = nil
  end)
  on({ 'BufWipeout', 'BufDelete' }, function()
    state.timer:stop()
    if not state.timer:is_closing() then state.timer:close() end
    states[bufnr] = nil
  end)
end

return M
