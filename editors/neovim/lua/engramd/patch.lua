-- A unified diff as hunks, and hunks put into lines. Knows nothing of windows.
local M = {}

-- git quotes names with unusual bytes as a C string.
local named = { n = '\n', t = '\t', r = '\r', a = '\a', b = '\b', f = '\f', v = '\v' }
local function unquote(name)
  if not name:match('^".*"$') then return name end
  return (name:sub(2, -2):gsub('\\(%d%d%d)', function(octal) return string.char(tonumber(octal, 8)) end)
    :gsub('\\(.)', function(letter) return named[letter] or letter end))
end

local function name_in(line)
  local name = unquote((line:sub(5):gsub('\t.*$', '')))
  if name == '/dev/null' then return nil end
  return (name:gsub('^[ab]/', ''))
end

-- Returns a list of { path, created, deleted, hunks = { { start, before, after }... } }; start is the 1-based line of the old
-- text, before and after are lines without their ends. Or nil and what is wrong.
function M.read(text)
  local lines = vim.split((text:gsub('\n$', '')), '\n', { plain = true })
  local files, i = {}, 1
  while i < #lines do
    if lines[i]:sub(1, 4) == '--- ' and lines[i + 1]:sub(1, 4) == '+++ ' then
      local from, to = name_in(lines[i]), name_in(lines[i + 1])
      local file = { path = to or from, created = from == nil, deleted = to == nil, hunks = {} }
      if not file.path then return nil, 'a file of the patch has no name' end
      i = i + 2
      while i <= #lines do
        local at, old, fresh = lines[i]:match('^@@ %-(%d+),?(%d*) %+%d+,?(%d*) @@')
        if not at then break end
        old, fresh = tonumber(old) or 1, tonumber(fresh) or 1
        -- With no old lines the number is that of the line before.
        local hunk = { start = old == 0 and tonumber(at) + 1 or tonumber(at), before = {}, after = {} }
        i = i + 1
        while i <= #lines and (old > 0 or fresh > 0 or lines[i]:sub(1, 1) == '\\') do
          local kind, rest = lines[i]:sub(1, 1), lines[i]:sub(2)
          -- "\ No newline at end of file": buffers do not hold the last line's end.
          if kind ~= '\\' then
            if kind ~= '+' then
              table.insert(hunk.before, rest)
              old = old - 1
            end
            if kind ~= '-' then
              table.insert(hunk.after, rest)
              fresh = fresh - 1
            end
          end
          i = i + 1
        end
        if old ~= 0 or fresh ~= 0 then return nil, ('a hunk of %s is cut off'):format(file.path) end
        table.insert(file.hunks, hunk)
      end
      table.insert(files, file)
    else
      i = i + 1
    end
  end
  return files
end

local function stands_at(lines, start, wanted)
  for index, line in ipairs(wanted) do
    if lines[start + index - 1] ~= line then return false end
  end
  return true
end

-- The lines with all hunks in them; hunks that are in already (taken one by one) stay. Or nil and the line that does not fit.
function M.apply(lines, hunks)
  local result, offset = vim.deepcopy(lines), 0
  for _, hunk in ipairs(hunks) do
    local start = hunk.start + offset
    if stands_at(result, start, hunk.before) then
      local fresh = {}
      for index = 1, start - 1 do fresh[index] = result[index] end
      vim.list_extend(fresh, hunk.after)
      for index = start + #hunk.before, #result do table.insert(fresh, result[index]) end
      result = fresh
    elseif not stands_at(result, start, hunk.after) then
      return nil, hunk.start
    end
    offset = offset + #hunk.after - #hunk.before
  end
  return result
end

return M
