-- Review of what the agent proposes: file beside proposal in diff mode, one tab page. Vim's own commands work there: in the
-- file's window |do| takes the hunk under the cursor, ]c and [c go from hunk to hunk. Nothing is written to disk here; an
-- accepted change stands in the buffer, to be looked at, written or undone.
local patch = require('engramd.patch')
local M = {}

-- { title, root, files = { { path, full, created, deleted, hunks, state = 'open'|'accepted'|'rejected' }... }, current }
local proposal = nil
local view = nil   -- { tab, file_window, proposal_window, scratch }

local function say(text, level) vim.notify('engramd: ' .. text, level or vim.log.levels.INFO) end

local function lines_of(bufnr)
  local lines = vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
  -- A buffer without text has one empty line.
  if #lines == 1 and lines[1] == '' then return {} end
  return lines
end

local function buffer_of(file)
  local bufnr = vim.fn.bufadd(file.full)
  vim.fn.bufload(bufnr)
  vim.bo[bufnr].buflisted = true
  return bufnr
end

function M.close()
  local old = view
  view = nil
  if not old then return end
  if vim.api.nvim_tabpage_is_valid(old.tab) then
    for _, window in ipairs(vim.api.nvim_tabpage_list_wins(old.tab)) do
      if vim.api.nvim_win_is_valid(window) then vim.api.nvim_win_call(window, function() vim.cmd('diffoff') end) end
    end
    if #vim.api.nvim_list_tabpages() > 1 then
      vim.cmd('silent! ' .. vim.api.nvim_tabpage_get_number(old.tab) .. 'tabclose')
    elseif vim.api.nvim_win_is_valid(old.proposal_window) then
      pcall(vim.api.nvim_win_close, old.proposal_window, true)
    end
  end
  if vim.api.nvim_buf_is_valid(old.scratch) then pcall(vim.api.nvim_buf_delete, old.scratch, { force = true }) end
end

local function map(bufnr, keys, callback, what)
  vim.api.nvim_buf_set_keymap(bufnr, 'n', keys, '', { callback = callback, noremap = true, nowait = true, desc = 'engramd: ' .. what })
end

local function show(index)
  M.close()
  local file = proposal.files[index]
  proposal.current = index
  local proposed, wrong = patch.apply(file.created and {} or lines_of(buffer_of(file)), file.hunks)
  if not proposed then
    say(('%s has changed at line %d since the proposal was made; run it again'):format(file.path, wrong), vim.log.levels.WARN)
    file.state = 'rejected'
    return
  end
  vim.cmd('tab split')
  vim.api.nvim_win_set_buf(0, buffer_of(file))
  view = { tab = vim.api.nvim_get_current_tabpage(), file_window = vim.api.nvim_get_current_win() }
  vim.cmd('rightbelow vertical new')
  view.proposal_window, view.scratch = vim.api.nvim_get_current_win(), vim.api.nvim_get_current_buf()
  local scratch = view.scratch
  vim.bo[scratch].buftype, vim.bo[scratch].bufhidden, vim.bo[scratch].swapfile = 'nofile', 'hide', false
  pcall(vim.api.nvim_buf_set_name, scratch, ('engramd-proposal://%d/%s'):format(scratch, file.path))
  vim.api.nvim_buf_set_lines(scratch, 0, -1, false, file.deleted and {} or proposed)
  -- Colours as in the file, without what a filetype plugin does to a buffer.
  vim.bo[scratch].syntax = vim.bo[buffer_of(file)].filetype
  vim.bo[scratch].modifiable, vim.bo[scratch].modified = false, false
  vim.wo[view.proposal_window].statusline = (' proposed: %s (%d of %d)  ga accept  gr reject  ]f next  q close'):format(
    file.path:gsub('%%', '%%%%'), index, #proposal.files)
  map(scratch, 'ga', function() M.accept() end, 'accept the proposal for this file')
  map(scratch, 'gr', function() M.reject() end, 'reject the proposal for this file')
  map(scratch, ']f', function() M.go(1) end, 'next file of the proposal')
  map(scratch, '[f', function() M.go(-1) end, 'file of the proposal before')
  map(scratch, 'q', function() M.close() end, 'close the review')
  for _, window in ipairs({ view.proposal_window, view.file_window }) do
    vim.api.nvim_set_current_win(window)
    vim.cmd('diffthis')
  end
  local first = file.hunks[1]
  if first then pcall(vim.api.nvim_win_set_cursor, view.file_window, { math.max(1, math.min(first.start, vim.api.nvim_buf_line_count(buffer_of(file)))), 0 }) end
end

local function next_open(from, step)
  local count = #proposal.files
  for distance = 1, count do
    local index = (from - 1 + step * distance) % count + 1
    if proposal.files[index].state == 'open' then return index end
  end
  return nil
end

-- What is there to do, in one line; for tests and status lines too.
function M.summary()
  if not proposal then return nil end
  local counts = { open = 0, accepted = 0, rejected = 0 }
  for _, file in ipairs(proposal.files) do counts[file.state] = counts[file.state] + 1 end
  return counts
end

local function settled()
  local next_index = next_open(proposal.current or 1, 1)
  if next_index then return show(next_index) end
  M.close()
  local counts = M.summary()
  say(('%d accepted, %d rejected; write the buffers (:wall) or undo'):format(counts.accepted, counts.rejected))
end

-- Begins a review of a patch for the files below root. Returns false and why when it cannot.
function M.begin(title, root, text)
  local files, problem = patch.read(text)
  if not files then return false, problem end
  if #files == 0 then return false, 'the patch is empty' end
  for _, file in ipairs(files) do
    if file.path:sub(1, 1) == '/' or ('/' .. file.path .. '/'):find('/../', 1, true) then return false, file.path .. ' is not below ' .. root end
    file.full, file.state = root .. '/' .. file.path, 'open'
    if not file.created then
      local _, wrong = patch.apply(lines_of(buffer_of(file)), file.hunks)
      if wrong then return false, ('%s has changed at line %d since the work began'):format(file.path, wrong) end
    end
  end
  proposal = { title = title, root = root, files = files }
  show(1)
  return true
end

function M.open()
  if not proposal then return say('there is no proposal; :Engram fix makes one') end
  local index = next_open(proposal.current or #proposal.files, 0) or next_open(1, 1)
  if not index then return say('every file of the proposal is decided') end
  show(index)
end

function M.go(step)
  if not proposal then return M.open() end
  local index = next_open(proposal.current or 1, step)
  if index then show(index) end
end

local function take(file)
  if file.deleted then
    if vim.fn.delete(file.full) ~= 0 then return false, file.path .. ' could not be deleted' end
    pcall(vim.api.nvim_buf_delete, buffer_of(file), { force = true })
    return true
  end
  local bufnr = buffer_of(file)
  local now = lines_of(bufnr)
  local proposed, wrong = patch.apply(now, file.hunks)
  if not proposed then return false, ('%s has changed at line %d since the proposal was made'):format(file.path, wrong) end
  -- From the first to the last line that differs: marks and the cursor of the rest stay.
  local head = 0
  while head < #now and head < #proposed and now[head + 1] == proposed[head + 1] do head = head + 1 end
  local tail = 0
  while tail < #now - head and tail < #proposed - head and now[#now - tail] == proposed[#proposed - tail] do tail = tail + 1 end
  -- The one empty line of a buffer without text is replaced too.
  vim.api.nvim_buf_set_lines(bufnr, head, #now == 0 and -1 or #now - tail, false, vim.list_slice(proposed, head + 1, #proposed - tail))
  return true
end

function M.accept()
  local file = proposal and proposal.files[proposal.current or 0]
  if not file or file.state ~= 'open' then return M.open() end
  local ok, problem = take(file)
  if not ok then return say(problem, vim.log.levels.WARN) end
  file.state = 'accepted'
  settled()
end

function M.reject()
  local file = proposal and proposal.files[proposal.current or 0]
  if not file or file.state ~= 'open' then return M.open() end
  file.state = 'rejected'
  settled()
end

function M.decide_all(state)
  if not proposal then return M.open() end
  M.close()
  for _, file in ipairs(proposal.files) do
    if file.state == 'open' then
      local ok, problem = true, nil
      if state == 'accepted' then ok, problem = take(file) end
      if not ok then return say(problem, vim.log.levels.WARN) end
      file.state = state
    end
  end
  settled()
end

return M
