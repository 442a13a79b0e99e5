rspamd_config.MAILCOW_AUTH = {
  callback = function(task)
    return task:get_user() ~= nil
  end
}
rspamd_config:register_symbol({
  name = 'TAG_MOO',
  type = 'postfilter',
  callback = function(task) end
})
