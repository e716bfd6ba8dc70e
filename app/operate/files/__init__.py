"""What files mean to the shop: watched folders, reports and price lists, uploads, top-ups by hand."""
