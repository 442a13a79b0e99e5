rspamd_config.MY_SYMBOL = {
  callback = function(task) return true end,
  score = 3.5,
}
rspamd_config:register_symbol({ name = "OTHER_SYMBOL", callback = function() end })
rspamd_config:set_metric_symbol({ name = "THIRD", score = 1 })
