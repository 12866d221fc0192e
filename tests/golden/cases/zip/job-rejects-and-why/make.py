from zip_export import account_export

account_export("export.zip", broken="7,1030,Open,Mail,yesterday\n8,1030\n")
