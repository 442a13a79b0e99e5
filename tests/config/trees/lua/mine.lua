rspamd_config:register_symbol{ name = "MINE_ALL", type = "normal" }
