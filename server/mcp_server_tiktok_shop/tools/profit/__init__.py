"""What is left of sales after refunds, fees, commission, ads, shipping and the cost of goods."""
